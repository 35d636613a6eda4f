"""Terms of service and privacy policy: versioned documents, and who has accepted which."""
