"""Signing in: what is needed next, what an attempt leaves on record, how much is too much."""
