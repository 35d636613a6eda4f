"""DER with one thing wrong: bits, lengths, order, number and kind of its parts."""

from dataclasses import dataclass

from hypothesis import strategies as st

_CONSTRUCTED = 0x20
_TAGS = (0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0C, 0x13, 0x17, 0x18, 0x1E, 0x30, 0x31, 0x80, 0xA0)


@dataclass(frozen=True)
class Part:
    """One element of a DER tree and where it lies."""

    start: int
    content: int
    end: int
    above: tuple[int, ...]
    """The indices of the elements around it, the outermost first."""


def parts(der: bytes) -> list[Part]:
    """List the elements of well-formed DER, those inside octet strings not."""
    found: list[Part] = []

    def walk(start: int, end: int, above: tuple[int, ...]) -> None:
        while start < end:
            content, size = _head(der, start)
            found.append(Part(start, content, content + size, above))
            if der[start] & _CONSTRUCTED:
                walk(content, content + size, (*above, len(found) - 1))
            start = content + size

    walk(0, len(der), ())
    return found


def _head(der: bytes, start: int) -> tuple[int, int]:
    first = der[start + 1]
    if first < 0x80:
        return start + 2, first
    octets = first & 0x7F
    return start + 2 + octets, int.from_bytes(der[start + 2 : start + 2 + octets], "big")


def length(size: int) -> bytes:
    """Write a length in its shortest form."""
    if size < 0x80:
        return bytes([size])
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets


def replaced(der: bytes, tree: list[Part], which: int, instead: bytes) -> bytes:
    """Put other bytes in the place of an element and mend the lengths around it."""
    one = tree[which]
    start, end = one.start, one.end
    for above in reversed(one.above):
        outer = tree[above]
        content = der[outer.content : start] + instead + der[end : outer.end]
        instead = der[outer.start : outer.start + 1] + length(len(content)) + content
        start, end = outer.start, outer.end
    return der[:start] + instead + der[end:]


@st.composite
def mutants(draw: st.DrawFn, der: bytes) -> bytes:
    """Draw what differs from ``der`` in one thing."""
    tree = parts(der)
    which = draw(st.integers(0, len(tree) - 1))
    one = tree[which]
    itself, content = der[one.start : one.end], der[one.content : one.end]
    other = tree[draw(st.integers(0, len(tree) - 1))]
    at = draw(st.integers(0, len(der) - 1))
    made = {
        "a bit": lambda: der[:at] + bytes([der[at] ^ 1 << draw(st.integers(0, 7))]) + der[at + 1 :],
        "an octet": lambda: der[:at] + draw(st.binary(min_size=1, max_size=1)) + der[at + 1 :],
        "broken off": lambda: der[:at],
        "something after it": lambda: der + draw(st.binary(min_size=1, max_size=4)),
        "an element less": lambda: replaced(der, tree, which, b""),
        "an element twice": lambda: replaced(der, tree, which, itself * 2),
        "an element often": lambda: replaced(der, tree, which, itself * 40),
        "an element of elsewhere": lambda: replaced(der, tree, which, der[other.start : other.end]),
        "an element around it": lambda: replaced(
            der, tree, which, b"\x30" + length(len(itself)) + itself
        ),
        "another tag": lambda: replaced(
            der, tree, which, bytes([draw(st.sampled_from(_TAGS))]) + itself[1:]
        ),
        "another content": lambda: _with(der, tree, which, draw(st.binary(max_size=40))),
        "nothing in it": lambda: _with(der, tree, which, b""),
        "a long form of its length": lambda: replaced(
            der, tree, which, itself[:1] + b"\x84" + len(content).to_bytes(4, "big") + content
        ),
        "a length without end": lambda: replaced(
            der, tree, which, itself[:1] + b"\x80" + content + b"\0\0"
        ),
        "a length that is too much": lambda: (
            der[: one.start + 1] + b"\x84\x7f\xff\xff\xff" + der[one.content :]
        ),
    }
    return made[draw(st.sampled_from(sorted(made)))]()


def _with(der: bytes, tree: list[Part], which: int, content: bytes) -> bytes:
    tag = der[tree[which].start : tree[which].start + 1]
    return replaced(der, tree, which, tag + length(len(content)) + content)


def nested(depth: int, tag: int = 0x30) -> bytes:
    """Make an element in an element in an element, honestly measured."""
    made = b"\x05\x00"
    for _ in range(depth):
        made = bytes([tag]) + length(len(made)) + made
    return made


def nested_without_end(size: int) -> bytes:
    """Open elements of no stated length and close none."""
    return b"\x30\x80" * (size // 2)
