"""The surface of proving who one is: one module a page."""
