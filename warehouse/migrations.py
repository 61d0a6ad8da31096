"""From an older layout of a warehouse to this one: a step for each schema version, none ever backward.

A step must bear being killed and run again: the version in ``warehouse.json`` grows only after it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from schemas.errors import WarehouseVersion
from schemas.tables import SCHEMA_VERSION
from warehouse.filesystem import Location
from warehouse.marker import read_marker, write_marker

Step = Callable[[Location], None]

MIGRATIONS: Mapping[int, Step] = MappingProxyType({})
"""For each version but the newest, the step to the next. Version 1 is the first: there is none yet."""


def refuse_other_version(location: Location, found: int, known: int = SCHEMA_VERSION) -> None:
    """Raise WarehouseVersion unless a warehouse of version `found` has this Salon's layout."""
    if found > known:
        raise WarehouseVersion(
            f"{location.root}: made by a newer Salon (schema version {found}, this one knows {known}); install that "
            "Salon."
        )
    if found < known:
        raise WarehouseVersion(
            f"{location.root}: made by an older Salon (schema version {found}, this one has {known}); make a copy, "
            "then run `salon maintain`, which brings it forward."
        )


def migrate(root: str | Path, steps: Mapping[int, Step] = MIGRATIONS, to: int = SCHEMA_VERSION) -> list[int]:
    """Bring a warehouse forward; returns the versions that it went through, none where it is this Salon's.

    Raises
    ------
    WarehouseVersion
        It was made by a newer Salon: there is no way back.
    """
    location = Location.of(root)
    found = read_marker(location).version
    if found > to:
        refuse_other_version(location, found, to)
    passed = []
    for version in range(found, to):
        steps[version](location)
        # Read again: a step may have made a table.
        write_marker(location, replace(read_marker(location), version=version + 1))
        passed.append(version + 1)
    return passed
