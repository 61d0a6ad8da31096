"""Pages made from the code: `python -m flows.reference` writes docs/settings.md, tables.md and commands.md.

A test compares the files with what the code says, so that nothing stays undocumented.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from flows.settings import toml_value
from schemas.settings import Settings, SettingsPart
from schemas.tables import TABLES
from warehouse.views import VIEWS

DOCS = Path(__file__).resolve().parent.parent / "docs"
MADE = "<!-- Made by `make docs` from the code; do not edit. -->\n"
EXIT_CODES = (
    "Exit codes: 0 done, 1 the run failed, 2 wrong use, 3 a gate refused, "
    "141 the output went into a pipe that is closed (`| head`)."
)


def settings_page() -> str:
    """Every setting with its default and meaning."""
    lines = [MADE, "# Settings", "", "One `salon.toml` beside the data; `salon init` writes it with every default."]
    for name, field in Settings.model_fields.items():
        lines += [
            "",
            f"## `[{name}]`",
            "",
            str(field.description),
            "",
            "| setting | default | meaning |",
            "|---|---|---|",
        ]
        part = field.annotation
        assert isinstance(part, type) and issubclass(part, SettingsPart)
        lines += _rows_of(part, "")
    return "\n".join(lines) + "\n"


def _rows_of(part: type[SettingsPart], prefix: str) -> list[str]:
    rows = []
    defaults = part()
    for name, field in part.model_fields.items():
        value = getattr(defaults, name)
        if isinstance(value, SettingsPart):
            rows += _rows_of(type(value), f"{prefix}{name}.")
            continue
        rows.append(f"| `{prefix}{name}` | `{_short(toml_value(value))}` | {_cell(field.description or '')} |")
    return rows


def _short(text: str) -> str:
    text = text.replace("|", "\\|").replace("`", "'")
    return text if len(text) <= 90 else text[:87] + "..."


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def tables_page() -> str:
    """Every table with its key and columns."""
    lines = [
        MADE,
        "# Tables",
        "",
        "Delta Lake tables under `tables/` of a warehouse; `salon sql` asks them in DuckDB's SQL. Times are UTC.",
        "Views for questions that come up often: " + ", ".join(f"`{name}`" for name in VIEWS) + ".",
    ]
    for spec in TABLES:
        lines += ["", f"## `{spec.name}`", "", f"{spec.doc} Key: {', '.join(f'`{k}`' for k in spec.key)}."]
        lines += ["", "| column | type | meaning |", "|---|---|---|"]
        lines += [f"| `{c.name}` | {c.type}{' or null' if c.nullable else ''} | {_cell(c.doc)} |" for c in spec.columns]
    return "\n".join(lines) + "\n"


def commands_page() -> str:
    """Every command with its arguments and options."""
    from flows.cli.main import build

    lines = [MADE, "# Commands", "", EXIT_CODES]
    root = typer.main.get_command(build())
    lines += _command(root, "salon")
    return "\n".join(lines) + "\n"


def _command(command: Any, path: str) -> list[str]:
    children = getattr(command, "commands", None)
    lines: list[str] = []
    if path != "salon":
        lines += ["", f"## `{path}`", "", " ".join((command.help or "").split())]
        rows = [_parameter(p) for p in command.params if p.name != "help"]
        if rows:
            lines += ["", "| argument | meaning |", "|---|---|", *rows]
    for name, child in (children or {}).items():
        lines += _command(child, f"{path} {name}")
    return lines


def _parameter(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        name = (parameter.name or "").upper() + ("…" if parameter.nargs == -1 else "")
    else:
        name = ", ".join(parameter.opts)
    return f"| `{name}` | {_cell(getattr(parameter, 'help', None) or '')} |"


PAGES = {"settings.md": settings_page, "tables.md": tables_page, "commands.md": commands_page}


def main() -> None:
    """Write all pages."""
    DOCS.mkdir(exist_ok=True)
    for name, make in PAGES.items():
        (DOCS / name).write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main()
