"""What the person agrees to, as text: who asks, for what, with which card, the check number."""

from dataclasses import dataclass

from cardbridge.dialog.wording import Words, words


@dataclass(frozen=True, slots=True)
class Consent:
    """One operation, as the person is told of it."""

    origin: str
    site: str
    """The name that the list of sites gives the origin; may be empty."""
    purpose: str
    nonce: str
    lang: str
    kind: str
    holder: str

    @property
    def words(self) -> Words:
        """The language it is told in."""
        return words(self.lang)

    @property
    def card(self) -> str:
        """Whose card, and which."""
        return f"{self.holder}{self.words.between}{self.words.kinds[self.kind]}"

    def text(self, *more: str) -> str:
        """Write it out. The origin stands whole and alone on its line: it is what to look at."""
        said = self.words
        site = f"{self.origin}\n{self.site}" if self.site else self.origin
        parts = [
            f"{said.purpose[self.purpose]}\n\n{site}",
            f"{said.card.format(card=self.card)}\n{said.check.format(code=control_code(self.nonce))}",
            said.warning,
            *more,
        ]
        return "\n\n".join(parts)


def control_code(nonce: str) -> str:
    """Derive the four digits that the page derives too.

    They tell two tabs apart. They are no defence against a site that relays another's nonce;
    the origin in the signature is.
    """
    from hashlib import sha256  # noqa: PLC0415  # 3.5 MB that an idle bridge does without

    number = int.from_bytes(sha256(nonce.encode("ascii")).digest()[:4], "big")
    return f"{number % 10000:04d}"
