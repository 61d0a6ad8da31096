"""Reading `salon.toml`, and writing the commented one that `salon init` leaves behind."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from schemas.errors import WrongUse
from schemas.settings import Settings, SettingsPart
from warehouse.filesystem import Location

FILE_NAME = "salon.toml"


def settings_path(root: str) -> Path:
    """Where the settings of a warehouse stand: SALON_SETTINGS, else in the root, else (object store) here."""
    named = os.environ.get("SALON_SETTINGS")
    if named:
        return Path(named)
    location = Location.of(root)
    return location.local(FILE_NAME) if location.is_local else Path(FILE_NAME)


def read_settings(root: str) -> Settings:
    """The settings of a warehouse; the defaults where there is no file.

    Raises
    ------
    WrongUse
        The file cannot be read or holds a wrong key or value; names the key, what was expected, and the file.
    """
    path = settings_path(root)
    if not path.exists():
        return Settings()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # editors of Windows put a mark in front
    except UnicodeDecodeError as error:
        raise WrongUse(f"{path}: this is no text in UTF-8; save it as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise WrongUse(f"{path}: no valid TOML: {error}.") from error
    try:
        return Settings.model_validate(content)
    except ValidationError as error:
        raise WrongUse(f"{path}: {_sentence(error.errors()[0])} docs/settings.md lists all.") from error


def _sentence(problem: ErrorDetails) -> str:
    """What is wrong with a setting, without pydantic's own words for how it found out."""
    place = [str(part) for part in problem["loc"]]
    if place[:2] == ["filter", "rules"]:
        del place[3:4]  # the kind of the rule, which is no key
    message = problem["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
    match problem["type"]:
        case "extra_forbidden":
            message = "there is no such setting"
        case "union_tag_not_found":
            return f"'{'.'.join(place)}': a rule of a new name needs a kind, such as kind = \"range\"."
        case "union_tag_invalid":
            place.append("kind")
            message = f"expected one of {problem['ctx']['expected_tags']}, got {problem['input']['kind']!r}"
        case "model_type" | "dict_type":
            message = "expected a table of settings"
    said = "" if ", got " in message else f", got {problem['input']!r}"
    return f"'{'.'.join(place)}': {message.split(', unable')[0]}{said}."


def commented_settings() -> str:
    """A `salon.toml` in which every setting stands as a comment, with its meaning and default."""
    lines = ["# Settings of this Salon warehouse. Every line that begins with '#key =' shows the default."]
    for name, field in Settings.model_fields.items():
        lines += ["", f"# {field.description}", f"[{name}]"]
        lines += _commented_part(name, field)
    return "\n".join(lines) + "\n"


def _commented_part(section: str, part: FieldInfo) -> list[str]:
    lines: list[str] = []
    model = part.annotation
    assert isinstance(model, type) and issubclass(model, SettingsPart)
    defaults = model()
    tables: list[str] = []
    for name, field in model.model_fields.items():
        default = getattr(defaults, name)
        if isinstance(default, dict) and default:  # tables end the part that they stand in, so they come last
            tables += ["", f"# {field.description}", *_commented_tables(f"{section}.{name}", default)]
        else:
            lines += [f"# {field.description}", f"#{name} = {toml_value(default)}"]
    return lines + tables


def _commented_tables(section: str, members: dict[str, SettingsPart]) -> list[str]:
    """Default members of a table of tables, such as filter rules: what each says beyond its kind's own defaults."""
    lines: list[str] = []
    for name, member in members.items():
        usual = {key: field.default for key, field in type(member).model_fields.items()}
        told = [(key, value) for key, value in member if key == "kind" or value != usual[key]]
        lines.append(f"#[{section}.{name}]")
        lines += [f"#{key} = {toml_value(value)}" for key, value in sorted(told, key=lambda pair: pair[0] != "kind")]
    return lines


def toml_value(value: Any) -> str:
    """A default in TOML's spelling."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, SettingsPart):
        inner = ", ".join(f"{key} = {toml_value(part)}" for key, part in value if part is not None)
        return "{" + inner + "}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(key))} = {toml_value(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(part) for part in value) + "]"
    if value is None:
        return '""'
    return json.dumps(value, ensure_ascii=False)
