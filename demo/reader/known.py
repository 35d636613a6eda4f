"""What is known of the demo's cards before they are made."""

PIN = "123456"
OWNER = "CITIZEN1"
"""Whose account the citizen's card opens; nobody's account belongs to the other three."""
OWNED = "moica-1"
KINDS = ("moica", "moeaca", "xca", "gca")
