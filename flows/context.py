"""What every run starts from: the warehouse and its settings."""

from __future__ import annotations

from dataclasses import dataclass

from flows.settings import read_settings
from schemas.settings import Settings
from warehouse.store import Warehouse


@dataclass(frozen=True)
class Run:
    """An opened warehouse with its settings."""

    root: str
    warehouse: Warehouse
    settings: Settings


def open_run(root: str) -> Run:
    """Open a warehouse and read its settings; raises WrongUse where either is wrong."""
    warehouse = Warehouse.open(root)
    return Run(root=warehouse.location.root, warehouse=warehouse, settings=read_settings(root))
