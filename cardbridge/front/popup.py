"""The popup: a page of ours for browsers that do not let a site's page call the loopback.

Opening a window needs no permission, and the two windows may talk. It takes one request, from
the window that opened it, hands it on together with the origin the browser attests, and gives
the answer to that origin alone.
"""

import json
import os
from base64 import b64encode
from pathlib import Path

from cardbridge.front.http import Response
from cardbridge.front.popup_wording import WAITING

_HERE = Path(__file__).parent


def page(ticket: str, accept_language: str) -> Response:
    """Make the page around its ticket."""
    nonce = b64encode(os.urandom(16)).decode("ascii")
    lang, words = _language(accept_language)
    filled = {
        "{{lang}}": lang,
        "{{nonce}}": nonce,
        "{{title}}": words[0],
        "{{waiting}}": words[1],
        "{{alone}}": json.dumps(words[2], ensure_ascii=True),
        "{{ticket}}": json.dumps(ticket),
        "{{script}}": (_HERE / "popup.js").read_text("utf-8"),
    }
    html = (_HERE / "popup.html").read_text("utf-8")
    for place, text in filled.items():
        html = html.replace(place, text)
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}';"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy}
    return Response(200, html.encode(), headers)


def _language(accepted: str) -> tuple[str, tuple[str, str, str]]:
    """Choose by the first language the browser names."""
    first = accepted.split(",", maxsplit=1)[0].split(";", maxsplit=1)[0].strip().lower()
    if not first.startswith("zh"):
        return "en", WAITING["en"]
    lang = "zh-CN" if {"cn", "sg", "hans"} & set(first.split("-")) else "zh-TW"
    return lang, WAITING[lang]
