"""The protocols that come with Salon, and those that a study declares on top of them."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from schemas.errors import WrongUse
from schemas.protocols import Attribute, Protocol, ProtocolKind

ACR_LABELS = ("Bad", "Poor", "Fair", "Good", "Excellent")
"""The absolute category rating of ITU-T P.910, lowest first."""

PAIR_WORDING = "Which photo is more beautiful?"


def built_in() -> dict[str, Protocol]:
    """The protocols that every warehouse knows, by name."""
    acr = Protocol(labels=ACR_LABELS, wording="How do you rate the beauty of this photo?")
    ten = Protocol(low=1, high=10, labels=("not at all", "extremely"))
    return {
        "acr-5": acr,
        "acr-5-attributes": acr.model_copy(update={"attributes": tuple(Attribute)}),
        "1-10": ten,
        "slider": Protocol(kind=ProtocolKind.SLIDER, low=0, high=100, labels=("not at all", "extremely")),
        "pairwise": Protocol(kind=ProtocolKind.PAIRWISE, wording=PAIR_WORDING),
        "best-frame": Protocol(kind=ProtocolKind.BEST_FRAME, wording="Which frame is the best?"),
    }


def catalogue(declared: Mapping[str, Protocol]) -> dict[str, Protocol]:
    """All protocols by name: the built-in ones, and those declared, which may replace them."""
    names = [*built_in(), *(name for name in declared if name not in built_in())]
    return {name: resolve(declared, name) for name in names}


def resolve(declared: Mapping[str, Protocol], name: str) -> Protocol:
    """The protocol of that name, with what it takes over from others filled in.

    Parameters
    ----------
    declared : mapping
        Protocols of the settings, by name.
    name : str
        The one that is wanted.

    Raises
    ------
    WrongUse
        There is none of that name, it leans on itself, or its parts do not fit together.
    """
    return _resolve(declared, name, ())


def _resolve(declared: Mapping[str, Protocol], name: str, seen: tuple[str, ...]) -> Protocol:
    known = built_in()
    if name in seen:
        # A declared protocol may lean on the built-in one that it replaces.
        if name in known and seen[-1] == name:
            return known[name]
        raise WrongUse(f"[study.protocols.{name}]: 'like' leads back to itself: {' -> '.join((*seen, name))}.")
    if name not in declared:
        if name not in known:
            listed = ", ".join([*known, *(other for other in declared if other not in known)])
            raise WrongUse(f"there is no protocol '{name}'; there are {listed}.")
        return known[name]
    own = declared[name]
    if not own.like:
        return own
    base = _resolve(declared, own.like, (*seen, name))
    merged = {**base.model_dump(), **own.model_dump(exclude_unset=True), "like": ""}
    try:
        return Protocol.model_validate(merged)
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise WrongUse(f"[study.protocols.{name}]: {message}.") from error
