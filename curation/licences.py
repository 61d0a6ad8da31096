"""Where sources disagree on a photo's licence, the strictest holds; a licence is never assumed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

ORDER = (
    (5, r"by-nc-nd"),
    (4, r"by-nc"),
    (3, r"by-nd"),
    (2, r"by-sa|gpl|odbl"),
    (0, r"\bcc-?0\b|/zero/|\bzero\b|public domain|publicdomain|\bpd\b|\bpdm\b|unlicense"),
    (1, r"\bby\b|cc-by|attribution|\bmit\b|apache|\bbsd\b|unsplash|pexels|pixabay"),
)
UNKNOWN_TEXT = 6
"""A text that names no licence we know (such as 'all rights reserved') is stricter than any that we know."""


def strictness(licence: str) -> int:
    """How much a licence forbids: 0 public domain, 6 all rights reserved or unknown."""
    plain = re.sub(r"[\s_/]+", "-", licence.casefold())
    spaced = licence.casefold()
    for rank, form in ORDER:
        if re.search(form, plain) or re.search(form, spaced):
            return rank
    return UNKNOWN_TEXT


def is_known(licence: str | None, also: Collection[str] = ()) -> bool:
    """Whether a text names a licence; a name, an address or 'all rights reserved' does not.

    Parameters
    ----------
    also : collection of str
        Further texts, word for word, that somebody vouches for.
    """
    text = (licence or "").strip()
    return bool(text) and (text in also or strictness(text) < UNKNOWN_TEXT)


def strictest(licences: Iterable[str]) -> str | None:
    """The strictest of the licences, of equals the first by name; None where there is none."""
    found = sorted({text.strip() for text in licences if text and text.strip()})
    return max(found, key=strictness) if found else None
