"""XMP: creator, rights, licence, rating, what made the picture, and whether mining it is allowed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from curation.metadata.exif import moment_of, number, text
from curation.metadata.facts import Facts

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
DC = "{http://purl.org/dc/elements/1.1/}"
XMP = "{http://ns.adobe.com/xap/1.0/}"
RIGHTS = "{http://ns.adobe.com/xap/1.0/rights/}"
CC = "{http://creativecommons.org/ns#}"
PLUS = "{http://ns.useplus.org/ldf/xmp/1.0/}"
IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
EXIF = "{http://ns.adobe.com/exif/1.0/}"
TIFF = "{http://ns.adobe.com/tiff/1.0/}"
AUX = "{http://ns.adobe.com/exif/1.0/aux/}"
PHOTOSHOP = "{http://ns.adobe.com/photoshop/1.0/}"

MOST_BYTES = 4_000_000
"""Larger packets are not read."""


def facts_of_xmp(packet: bytes) -> Facts:
    """Facts from an XMP packet; `unreadable` where it is no well-formed XML, or defends against being read."""
    try:
        if len(packet) > MOST_BYTES:
            raise ValueError("too large")
        root = fromstring(packet.strip(b"\0 \n\r\t"))
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        return Facts(unreadable=True)
    found: dict[str, str] = {}
    for description in root.iter(f"{RDF}Description"):
        for name, value in _properties(description):
            found.setdefault(name, value)
    captured_at, offset = _moment(found)
    stars = number(found.get(f"{XMP}Rating"))
    return Facts(
        has_gps=f"{EXIF}GPSLatitude" in found or f"{EXIF}GPSLongitude" in found,
        captured_at=captured_at,
        captured_offset_minutes=offset,
        camera_make=text(found.get(f"{TIFF}Make")),
        camera_model=text(found.get(f"{TIFF}Model")),
        lens=text(found.get(f"{AUX}Lens")),
        photographer=text(found.get(f"{DC}creator")),
        copyright=text(found.get(f"{DC}rights")),
        license=_license(found),
        star_rating=int(stars) if stars is not None and stars <= 5 else None,
        opt_out=_opt_out(found),
        digital_source_type=_last_part(found.get(f"{IPTC}DigitalSourceType")),
    )


def _properties(description: Any) -> Iterator[tuple[str, str]]:
    """Names and values: attributes, texts, resources, and the first item of each list."""
    yield from description.attrib.items()
    for child in description:
        item = child.find(f".//{RDF}li")
        resource = child.get(f"{RDF}resource")
        value = resource or (item.text if item is not None else child.text)
        if value and value.strip():
            yield child.tag, value.strip()


def _license(found: dict[str, str]) -> str | None:
    for name in (f"{CC}license", f"{RIGHTS}UsageTerms", f"{RIGHTS}WebStatement", f"{PLUS}LicensorURL"):
        value = text(found.get(name))
        if value:
            return value
    return None


def _opt_out(found: dict[str, str]) -> str | None:
    """PLUS data mining, where it prohibits any."""
    value = _last_part(found.get(f"{PLUS}DataMining"))
    return f"plus:DataMining {value}" if value and "PROHIBITED" in value.upper() else None


def _last_part(value: str | None) -> str | None:
    tidy = text(value)
    return tidy.rstrip("/").rsplit("/", 1)[-1] if tidy else None


def _moment(found: dict[str, str]) -> tuple[datetime | None, int | None]:
    for name in (f"{EXIF}DateTimeOriginal", f"{PHOTOSHOP}DateCreated", f"{XMP}CreateDate"):
        value = text(found.get(name))
        if value and len(value) >= 19:
            rest = value[19:]
            digits = rest[1:].split("+")[0].split("-")[0].rstrip("Z") if rest.startswith(".") else None
            zone = "Z" if rest.endswith("Z") else rest[-6:] if len(rest) >= 6 and rest[-6] in "+-" else None
            moment = moment_of(value, digits, zone)
            if moment[0] is not None:
                return moment
    return None, None
