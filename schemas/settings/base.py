"""The base of all settings: frozen, and strict about unknown keys."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class SettingsPart(BaseModel):
    """A table of `salon.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, use_attribute_docstrings=False)
