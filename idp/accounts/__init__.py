"""Accounts: who somebody is here, the identities that are theirs, what apps may learn of them."""
