"""Sign-in by a national smart card: a signature over a challenge, and whose certificate it is.

``formats`` reads what a browser brings; ``challenges`` keeps what was asked. Everything that
certificates say is believed only after their path, purpose, policy and revocation were checked.
"""
