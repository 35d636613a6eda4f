"""Links in a mail's plain text. Sentences without blanks between words are no part of them."""

import re

from markupsafe import Markup, escape

# Of ASCII alone: in Chinese no blank stands between an address and the words around it.
_LINK = re.compile(
    r"(?P<url>https?://[!#-;=?-~]*[/\w#=&?-])|(?P<mail>[\w.%+-]+@[\w-]+(?:\.[\w-]+)+)", re.ASCII
)


def linked(text: str) -> Markup:
    """Escape a text, and make links of the addresses in it."""
    written, end = Markup(), 0
    for found in _LINK.finditer(text):
        address = found["url"] or f"mailto:{found['mail']}"
        written += escape(text[end : found.start()])
        written += _ANCHOR.format(address, found[0])
        end = found.end()
    return written + escape(text[end:])


_ANCHOR = Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>')
