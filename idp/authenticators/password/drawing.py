"""The captcha's digits as a picture: bent, turned and crossed out a little, yet legible."""

import random
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 220, 70  # CSS pixels; drawn at that size, sharp enough for large type
_INKS = ((11, 85, 99), (30, 52, 84), (92, 40, 66), (60, 60, 20))
_PAPER = (250, 251, 252)


def draw(digits: str, chance: random.Random) -> bytes:
    """Draw ``digits`` as a PNG of 220 by 70; the same ``chance`` draws the same picture.

    Raises:
        ValueError: something other than ASCII digits.
    """
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError("a captcha is made of digits")
    picture = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
    _scratch(ImageDraw.Draw(picture), chance, lines=3)
    step = (WIDTH - 24) / len(digits)
    for place, digit in enumerate(digits):
        _put(picture, digit, 12 + place * step, step, chance)
    _scratch(ImageDraw.Draw(picture), chance, lines=1)
    return _png(_bend(picture, chance))


def _put(
    picture: Image.Image, digit: str, left: float, width: float, chance: random.Random
) -> None:
    size = chance.randint(40, 48)
    stamp = Image.new("L", (size * 2, size * 2), 0)
    font = ImageFont.load_default(size)
    ImageDraw.Draw(stamp).text((size, size), digit, fill=255, font=font, anchor="mm")
    turned = stamp.rotate(chance.uniform(-22, 22), resample=Image.Resampling.BICUBIC)
    at = (
        round(left + width / 2 - size + chance.uniform(-3, 3)),
        round(HEIGHT / 2 - size + chance.uniform(-6, 6)),
    )
    picture.paste(Image.new("RGB", turned.size, chance.choice(_INKS)), at, turned)


def _scratch(pen: ImageDraw.ImageDraw, chance: random.Random, *, lines: int) -> None:
    for _ in range(lines):
        points = [(x, chance.randint(4, HEIGHT - 4)) for x in range(0, WIDTH + 1, 55)]
        pen.line(points, fill=chance.choice(_INKS), width=chance.choice((1, 2)), joint="curve")
    for _ in range(120):
        pen.point((chance.randrange(WIDTH), chance.randrange(HEIGHT)), fill=chance.choice(_INKS))


def _bend(picture: Image.Image, chance: random.Random) -> Image.Image:
    """Pull the corners of each column of cells a few pixels apart."""
    edges = [round(WIDTH * part / 5) for part in range(6)]
    shifts = [(chance.uniform(-4, 4), chance.uniform(-4, 4)) for _ in edges]
    mesh = []
    for index in range(5):
        left, right = edges[index], edges[index + 1]
        (a_top, a_bottom), (b_top, b_bottom) = shifts[index], shifts[index + 1]
        corners = (left, a_top, left, HEIGHT + a_bottom, right, HEIGHT + b_bottom, right, b_top)
        mesh.append(((left, 0, right, HEIGHT), corners))
    return picture.transform(
        picture.size,
        Image.Transform.MESH,
        mesh,
        resample=Image.Resampling.BILINEAR,
        fillcolor=_PAPER,
    )


def _png(picture: Image.Image) -> bytes:
    written = BytesIO()
    picture.quantize(32).save(written, "PNG", optimize=True)
    return written.getvalue()
