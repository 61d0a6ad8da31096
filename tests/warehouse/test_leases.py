"""A lease on one place: it outlives a log that cannot be read for a while, and says where it was lost."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from schemas.errors import WriteConflict
from warehouse.filesystem import Location
from warehouse.leases import Held, _Register, leased


def test_a_lease_is_renewed_again_once_its_log_can_be_read(tmp_path: Path) -> None:
    location = Location.of(tmp_path)
    with leased(location, "work", patience_s=0, lease_s=0.8):
        register = _Register(location, "work")
        delta, before = register.read()
        damage = tmp_path / "locks" / "work" / "_delta_log" / f"{delta.version() + 1:020}.json"
        damage.write_text("no entry of a log")
        time.sleep(0.5)
        damage.unlink()
        until = time.monotonic() + 5
        while register.read()[1].until <= before.until:
            assert time.monotonic() < until
            time.sleep(0.05)


def test_a_lease_that_another_took_is_said_to_be_lost(tmp_path: Path) -> None:
    location = Location.of(tmp_path)
    with pytest.raises(WriteConflict, match="was lost while it worked"), leased(location, "work", patience_s=0):
        register = _Register(location, "work")
        delta, _ = register.read()
        assert register.write(delta, Held("another", "process 1", time.time() + 60))
