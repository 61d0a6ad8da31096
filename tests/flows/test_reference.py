"""Every command, setting and column is documented, and the pages say what the code says."""

from __future__ import annotations

import re
import tomllib

import pytest
import typer

from flows.cli.main import build
from flows.reference import DOCS, PAGES
from flows.settings import commented_settings
from schemas.settings import Settings
from schemas.tables import TABLES


@pytest.mark.parametrize("name", PAGES)
def test_the_page_in_docs_is_what_the_code_says(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "run `make docs` and commit the pages"


def test_every_setting_has_a_description() -> None:
    missing = [
        f"{part}.{name}"
        for part, field in Settings.model_fields.items()
        for name, inner in field.annotation.model_fields.items()  # type: ignore[union-attr]  # parts are models
        if len(inner.description or "") < 10
    ]
    assert not missing


def test_every_column_has_a_meaning() -> None:
    assert not [f"{spec.name}.{c.name}" for spec in TABLES for c in spec.columns if len(c.doc) < 4]


def test_every_command_and_option_has_a_help_text() -> None:
    def silent(command: object, path: str) -> list[str]:
        children = getattr(command, "commands", None) or {}
        found = [] if children or len(getattr(command, "help", None) or "") > 10 else [path]
        parameters = [p for p in getattr(command, "params", []) if p.name != "help"]
        found += [f"{path} {p.name}" for p in parameters if not getattr(p, "help", None)]
        for name, child in children.items():
            found += silent(child, f"{path} {name}")
        return found

    assert not silent(typer.main.get_command(build()), "salon")


def test_a_commented_file_holds_the_defaults_when_its_comments_are_taken_away() -> None:
    lines = [line[1:] if re.match(r"#(\[|\w+ = )", line) else line for line in commented_settings().splitlines()]
    assert Settings.model_validate(tomllib.loads("\n".join(lines))) == Settings()
    assert "[filter.rules.unsafe]" in lines
