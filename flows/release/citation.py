"""`CITATION.cff` and BibTeX: how a version is cited."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flows.release.build import Material


def title_of(material: Material) -> str:
    """The title on the card."""
    return material.settings.title or material.name


def authors_of(material: Material) -> tuple[str, ...]:
    """The people to cite; the dataset itself where nobody is named."""
    return material.settings.authors or (f"The makers of {material.name}",)


def citation(material: Material) -> str:
    """`CITATION.cff` (1.2.0). The day of release is not in it: equal rows give equal bytes."""
    lines = [
        "cff-version: 1.2.0",
        "message: If you use this dataset, please cite this version of it.",
        "type: dataset",
        f"title: {_quoted(title_of(material))}",
        f"version: {_quoted(material.version)}",
        "authors:",
    ]
    for author in authors_of(material):
        family, _, given = author.partition(",")
        if given:
            lines += [f"  - family-names: {_quoted(family.strip())}", f"    given-names: {_quoted(given.strip())}"]
        else:
            lines.append(f"  - name: {_quoted(author)}")
    lines.append("identifiers:")
    lines += ["  - type: other", f"    value: {_quoted('sha256:' + material.digest)}"]
    lines.append("    description: Digest of the rows and settings that the version was made from.")
    if material.settings.homepage:
        lines.append(f"url: {_quoted(material.settings.homepage)}")
    if material.settings.license:
        lines.append(f"license: {_quoted(material.settings.license)}")
    if material.settings.description:
        lines.append(f"abstract: {_quoted(material.settings.description)}")
    return "\n".join(lines) + "\n"


def bibtex(material: Material) -> str:
    """A BibTeX entry for the version."""
    key = re.sub(r"\W+", "_", f"{material.name}_{material.version}")
    authors = " and ".join(author if "," in author else "{" + author + "}" for author in authors_of(material))
    address = f",\n  url = {{{material.settings.homepage}}}" if material.settings.homepage else ""
    return (
        f"@misc{{{key},\n  title = {{{title_of(material)}}},\n  author = {{{authors}}},\n"
        f"  version = {{{material.version}}},\n  note = {{Dataset, digest sha256:{material.digest[:16]}}}{address}\n}}"
    )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
