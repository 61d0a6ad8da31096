"""A page made of sections: figures, tables, plots and contact sheets, in one HTML file."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

# A page is HTML whatever its name is, so that escaping never depends on a file's ending.
TEMPLATES = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)

FEW = 2
"""Contact sheets of so few pictures stand side by side."""
WIDE = 504.0
"""Points (seven inches) from which a plot gets the page's whole width instead of half of it."""


@dataclass(frozen=True)
class Tile:
    """One picture of a contact sheet.

    Parameters
    ----------
    image : bytes
        A JPEG, PNG or WebP file, embedded as it is: hand in a thumbnail.
    caption, note : str
        Text under the picture; the note is set smaller.
    accent : str
        '', 'good', 'bad' or 'doubt': the colour of the frame.
    """

    image: bytes
    caption: str
    note: str = ""
    accent: str = ""

    @property
    def address(self) -> str:
        """The picture as a data address."""
        kind = {b"\x89P": "png", b"RI": "webp"}.get(self.image[:2], "jpeg")
        return f"data:image/{kind};base64,{base64.b64encode(self.image).decode()}"


@dataclass
class Page:
    """A report under construction: call the methods in reading order, then `write`."""

    title: str
    lead: str = ""
    simulated: bool = False
    sections: list[dict[str, Any]] = field(default_factory=list)

    def heading(self, title: str, text: str = "") -> Page:
        """Begin a chapter."""
        return self._add(kind="heading", title=title, text=text)

    def numbers(self, figures: dict[str, str]) -> Page:
        """Large figures in a row: name to value."""
        return self._add(kind="numbers", figures=figures)

    def text(self, text: str) -> Page:
        """A paragraph."""
        return self._add(kind="text", text=text)

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> Page:
        """A table; numbers are set to the right, and so is what stands above them."""
        cells = [[(_cell(value), isinstance(value, int | float)) for value in row] for row in rows]
        above = [(name, any(row[place][1] for row in cells)) for place, name in enumerate(headers)]
        return self._add(kind="table", headers=above, rows=cells, title=title)

    def figure(self, svg: str, caption: str = "", name: str = "") -> Page:
        """A plot, as SVG text made by us (matplotlib); it is embedded as a picture, so that it cannot run.

        With a name it is also written as a file by `write_figures`.
        """
        address = "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
        found = re.search(r'viewBox="[\d.]+ [\d.]+ ([\d.]+)', svg)
        wide = found is not None and float(found[1]) > WIDE
        return self._add(kind="figure", address=address, caption=caption, name=name, svg=svg, wide=wide)

    def sheet(self, title: str, tiles: Iterable[Tile], text: str = "", size: str = "") -> Page:
        """A contact sheet; its size is '', 'large' (two side by side) or 'strip' (many small ones in one row)."""
        return self._add(kind="sheet", title=title, tiles=list(tiles), text=text, size=size)

    def _add(self, **section: Any) -> Page:
        self.sections.append(section)
        return self

    def html(self) -> str:
        """The whole page."""
        text = files("flows.reports").joinpath("page.html").read_text(encoding="utf-8")
        return TEMPLATES.from_string(text).render(page=self, FEW=FEW)

    def write_figures(self, folder: Path) -> list[Path]:
        """Write every figure that has a name as an SVG file of its own, for papers and slides."""
        named = [section for section in self.sections if section["kind"] == "figure" and section["name"]]
        folder.mkdir(parents=True, exist_ok=True)
        for section in named:
            (folder / f"{section['name']}.svg").write_text(section["svg"], encoding="utf-8")
        return [folder / f"{section['name']}.svg" for section in named]

    def write(self, path: Path) -> Path:
        """Write the page, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        part.write_text(self.html(), encoding="utf-8")
        return part.replace(path)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "" if value is None else str(value)
