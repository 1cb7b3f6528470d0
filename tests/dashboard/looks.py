"""How a page looks, small enough to be kept and coarse enough to outlive another rendering of its letters.

A screenshot is divided into squares, and of each the mean colour is kept: what moves, is missing or has another colour
changes many squares much, and how a letter is smoothed changes each hardly.
"""

import io
from pathlib import Path

from PIL import Image, ImageChops

KEPT = Path(__file__).parent / "looks"
SQUARE_PX = 20
MAX_LEVELS = 16
"""By how much of 255 a square may differ. Letters drawn with full hinting, on whole pixels, differ by up to 13."""
MAX_SHARE = 0.0005
"""Which share of the squares may differ by more, and one may in any case."""


def coarse(screenshot: bytes) -> Image.Image:
    """Return the mean colour of each square of a screenshot."""
    return Image.open(io.BytesIO(screenshot)).convert("RGB").reduce(SQUARE_PX)


def difference(name: str, screenshot: bytes, keep: bool) -> str | None:
    """Return what differs from the look that is kept under this name; None: nothing. `keep` keeps it from now on."""
    seen, path = coarse(screenshot), KEPT / f"{name}.png"
    if keep:
        path.parent.mkdir(parents=True, exist_ok=True)
        seen.save(path, optimize=True)
        return None
    if not path.exists():
        return f"{name}: no look of it is kept"
    reference = Image.open(path).convert("RGB")
    if reference.size != seen.size:
        return f"{name}: {seen.width} x {seen.height} squares, kept are {reference.width} x {reference.height}"
    red, green, blue = ImageChops.difference(seen, reference).split()
    off = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    beyond = off.point(lambda level: 255 if level > MAX_LEVELS else 0)
    count = beyond.histogram()[255]
    if count <= max(MAX_SHARE * seen.width * seen.height, 1):
        return None
    left, top, right, bottom = beyond.getbbox() or (0, 0, 0, 0)
    where = f"columns {left} to {right} of {seen.width}, rows {top} to {bottom} of {seen.height}"
    return f"{name}: {count} squares differ by more than {MAX_LEVELS}, by up to {off.getextrema()[1]} of 255: {where}"
