"""Signing keys: when each is announced, used and withdrawn, and where they lie."""
