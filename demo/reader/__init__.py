"""The card reader of the demo: a page with four soft cards, one of which may be in the reader.

Where there is no screen, it also stands in for the bridge's window. That is for demonstrations:
a real window is drawn by the system, and no page can look like it.
"""
