"""Plots of the card as SVG text: the same bytes everywhere, readable on light and dark pages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT = 640, 280
LEFT, RIGHT, TOP, BOTTOM = 56, 14, 14, 48
INK, FILL, QUIET = "#333333", "#3d6b8c", "#d0d4d8"
Floats = npt.NDArray[np.float64]


def histogram(values: Floats, label: str, low: float, high: float, bins: int = 24, what: str = "photos") -> str:
    """How many values lie where.

    Parameters
    ----------
    values : float64 array, shape (N,)
    low, high : float
        Ends of the axis, such as those of the scale.
    """
    counts, _ = np.histogram(np.clip(values, low, high), bins=bins, range=(low, high))
    tallest = max(int(counts.max(initial=0)), 1)
    x, y = _axis(low, high, LEFT, WIDTH - RIGHT), _axis(0, tallest, HEIGHT - BOTTOM, TOP)
    step = (high - low) / bins
    bars = [
        f'<rect x="{x(low + n * step) + 0.5:.1f}" y="{y(count):.1f}" width="{x(low + step) - x(low) - 1:.1f}" '
        f'height="{y(0) - y(count):.1f}" fill="{FILL}"/>'
        for n, count in enumerate(counts.tolist())
        if count
    ]
    return _page([*bars, *_bottom(x, low, high, label), *_side(y, 0, tallest, what)], f"{what} by {label}")


def scatter(across: Floats, up: Floats, label: str, what: str, low: float, high: float) -> str:
    """A dot per photo.

    Parameters
    ----------
    across, up : float64 arrays, shape (N,)
    low, high : float
        Ends of the axis across.
    """
    top = _nice(float(up.max(initial=0.0)) or 1.0)
    x, y = _axis(low, high, LEFT, WIDTH - RIGHT), _axis(0, top, HEIGHT - BOTTOM, TOP)
    shown = np.linspace(0, max(len(across) - 1, 0), min(len(across), 2000)).astype(int).tolist()
    dots = [
        f'<circle cx="{x(float(across[n])):.1f}" cy="{y(float(up[n])):.1f}" r="2" fill="{FILL}" fill-opacity="0.5"/>'
        for n in shown
    ]
    return _page([*_bottom(x, low, high, label), *_side(y, 0, top, what), *dots], f"{what} against {label}")


def bars_around_zero(names: Sequence[str], values: Sequence[float], spans: Sequence[tuple[float, float]]) -> str:
    """A bar per name from 0 to its value, with its interval; all between -1 and 1."""
    left, row = 190, 22
    height = TOP + row * len(names) + BOTTOM
    x = _axis(-1, 1, left, WIDTH - RIGHT)
    parts = []
    for number, (name, value, (low, high)) in enumerate(zip(names, values, spans, strict=True)):
        middle = TOP + row * number + row / 2
        parts += [
            f'<text x="{left - 8}" y="{middle + 4:.1f}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{min(x(0), x(value)):.1f}" y="{middle - 6:.1f}" width="{abs(x(value) - x(0)):.1f}" height="12" '
            f'fill="{FILL}"/>',
            f'<line x1="{x(low):.1f}" x2="{x(high):.1f}" y1="{middle:.1f}" y2="{middle:.1f}" stroke="{INK}"/>',
        ]
    parts.append(f'<line x1="{x(0):.1f}" x2="{x(0):.1f}" y1="{TOP}" y2="{height - BOTTOM}" stroke="{INK}"/>')
    return _page([*parts, *_bottom(x, -1, 1, "rank correlation with the score", height)], "what the score follows",
                 height)  # fmt: skip


class _axis:  # noqa: N801 - used as a function
    """Maps figures to places."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self._low, self._start = low, start
        self._step = (end - start) / ((high - low) or 1.0)

    def __call__(self, value: float) -> float:
        return self._start + (value - self._low) * self._step


def _nice(value: float) -> float:
    """The next number above that is 1, 2, 2.5 or 5 times a power of ten."""
    power = 10 ** math.floor(math.log10(value))
    return float(next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value * (1 - 1e-9)))


def _ticks(low: float, high: float) -> list[float]:
    step = _nice((high - low) / 6)
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 10) for n in range(first, math.floor(high / step + 1e-9) + 1)]


def _bottom(x: _axis, low: float, high: float, label: str, height: int = HEIGHT) -> list[str]:
    base = height - BOTTOM
    line = f'<line x1="{x(low):.1f}" x2="{x(high):.1f}" y1="{base}" y2="{base}" stroke="{INK}"/>'
    ticks = [f'<text x="{x(t):.1f}" y="{base + 17}" text-anchor="middle">{t:g}</text>' for t in _ticks(low, high)]
    middle = (x(low) + x(high)) / 2
    return [line, *ticks, f'<text x="{middle:.1f}" y="{height - 8}" text-anchor="middle">{escape(label)}</text>']


def _side(y: _axis, low: float, high: float, label: str) -> list[str]:
    parts = []
    for tick in _ticks(low, high):
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" stroke="{QUIET}" '
                     'stroke-width="0.5"/>')  # fmt: skip
        parts.append(f'<text x="{LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>')
    middle = (y(low) + y(high)) / 2
    parts.append(f'<text x="14" y="{middle:.1f}" text-anchor="middle" transform="rotate(-90 14 {middle:.1f})">'
                 f"{escape(label)}</text>")  # fmt: skip
    return parts


def _page(parts: Sequence[str], title: str, height: int = HEIGHT) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img" '
        f'font-family="sans-serif" font-size="12" fill="{INK}"><title>{escape(title)}</title>'
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>{"".join(parts)}</svg>\n'
    )
