"""The card bridge: a person's own program between a web page and the card in the reader.

It signs one thing, a sign-in that names the asking origin, after its owner has seen that
origin and typed the PIN in a window that no page can reach.
"""

VERSION = "0.1.0"
