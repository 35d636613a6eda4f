"""The surface of a signed-in person: the front page, and what belongs to it."""
