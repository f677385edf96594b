"""The digest's picture: incidents per day as stacked bars, told apart by hatching as well as by colour."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from patchpilot.digests import DayFigures

_WIDTH, _HEIGHT = 1_200, 520
_LEFT, _TOP, _BOTTOM = 60, 80, 60
_INK, _PAPER, _GRID = "#1d1c1d", "#ffffff", "#d9d9d9"
# Okabe and Ito's colours, which people with any colour vision can tell apart: https://jfly.uni-koeln.de/color/
SERIES: Final = (("new", "#D55E00", ""), ("fixed", "#009E73", "lines"), ("flaky", "#56B4E9", "dots"))
_GAP: Final = 10
_LEAST_FOR_A_NUMBER: Final = 24


@lru_cache(maxsize=8)
def chart(days: tuple[DayFigures, ...]) -> bytes:
    """A PNG of new, fixed and flaky incidents per day."""
    image = Image.new("RGB", (_WIDTH, _HEIGHT), _PAPER)
    draw = ImageDraw.Draw(image)
    most = max((day.new + day.fixed + day.flaky for day in days), default=0) or 1
    _legend(image, draw)
    _grid(draw, most)
    room = (_WIDTH - 2 * _LEFT) / max(len(days), 1)
    for index, day in enumerate(days):
        left = _LEFT + index * room + room * 0.18
        _bar(image, draw, day, (int(left), int(left + room * 0.64)), most)
    made = io.BytesIO()
    image.save(made, "PNG", optimize=True)
    return made.getvalue()


def described(days: Sequence[DayFigures]) -> str:
    """What the picture shows, in words and numbers."""
    each = "; ".join(
        f"{day.day:%a} {day.day.day} {day.day:%b}: {day.new} new, {day.fixed} fixed, {day.flaky} flaky"
        for day in days
    )
    return f"Stacked bars of incidents per day. {each}."


def _legend(image: Image.Image, draw: ImageDraw.ImageDraw) -> None:
    at = _LEFT
    for name, colour, hatching in SERIES:
        _fill(image, (at, 24, at + 36, 48), colour, hatching)
        draw.text((at + 46, 24), name, fill=_INK, font=_font(22))
        at += 170


def _grid(draw: ImageDraw.ImageDraw, most: int) -> None:
    step = max(1, -(-most // 4))
    for value in range(0, most + 1, step):
        y = _level(value, most)
        draw.line((_LEFT, y, _WIDTH - _LEFT, y), fill=_GRID, width=1)
        draw.text((_LEFT - 12, y), str(value), fill=_INK, font=_font(18), anchor="rm")


def _bar(
    image: Image.Image, draw: ImageDraw.ImageDraw, day: DayFigures, sides: tuple[int, int], most: int
) -> None:
    done = 0
    for (_, colour, hatching), count in zip(SERIES, (day.new, day.fixed, day.flaky), strict=True):
        if not count:
            continue
        box = (sides[0], _level(done + count, most), sides[1], _level(done, most))
        _fill(image, box, colour, hatching)
        draw.rectangle(box, outline=_INK, width=1)
        if box[3] - box[1] >= _LEAST_FOR_A_NUMBER:
            middle = ((box[0] + box[2]) // 2, (box[1] + box[3]) // 2)
            left, top, right, bottom = draw.textbbox(middle, str(count), font=_font(22), anchor="mm")
            draw.rounded_rectangle((left - 7, top - 6, right + 7, bottom + 6), radius=5, fill=_PAPER)
            draw.text(middle, str(count), fill=_INK, font=_font(22), anchor="mm")
        done += count
    label, under = f"{day.day:%a} {day.day.day}", ((sides[0] + sides[1]) // 2, _HEIGHT - _BOTTOM + 14)
    draw.text(under, label, fill=_INK, font=_font(20), anchor="ma")


def _level(value: int, most: int) -> int:
    return _HEIGHT - _BOTTOM - round((_HEIGHT - _BOTTOM - _TOP) * value / most)


def _fill(image: Image.Image, box: tuple[int, int, int, int], colour: str, hatching: str) -> None:
    width, height = max(box[2] - box[0], 1), max(box[3] - box[1], 1)
    tile = Image.new("RGB", (width, height), colour)
    draw = ImageDraw.Draw(tile)
    if hatching == "lines":
        for start in range(-height, width, _GAP):
            draw.line((start, height, start + height, 0), fill=_PAPER, width=2)
    elif hatching == "dots":
        for x in range(_GAP // 2, width, _GAP):
            for y in range(_GAP // 2, height, _GAP):
                draw.ellipse((x - 2, y - 2, x + 2, y + 2), fill=_PAPER)
    image.paste(tile, (box[0], box[1]))


def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)
