"""Cards of nobody: a certificate authority, its answers about revocation, and cards in software.

For the demo and for tests. The four kinds of Taiwan's government certificates are copied in
every field that a verifier reads; the names say 測試用, and nothing trusts the root but what
was told to. Nothing here is needed to use a real card, and the bridge imports none of it.
"""
