"""Linking: a person of ours is the holder of an older account in an app (P32)."""
