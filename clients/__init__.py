"""The relying apps: they know the provider by its URL and share nothing with it but the look."""
