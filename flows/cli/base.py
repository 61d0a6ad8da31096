"""Commands that need no flow: `init`, `sql`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from flows.cli.console import OUT, Json, Root, print_json, resolve_root, show_outcome, wants_json


def init(
    root: Annotated[str | None, typer.Argument(help="Where; the --root option and SALON_ROOT count as well.")] = None,
    root_option: Root = None,
    as_json: Json = False,
) -> None:
    """Make an empty warehouse and a commented salon.toml."""
    from flows.outcome import Outcome
    from flows.settings import commented_settings, settings_path
    from warehouse.store import Warehouse

    address = root or root_option or resolve_root(None)
    warehouse = Warehouse.create(address)
    path = settings_path(address)
    made = not path.exists()
    if made:
        path.write_text(commented_settings(), encoding="utf-8")
    show_outcome(
        Outcome(
            stage="init",
            counts={"tables": len(warehouse.tables)},
            files={"warehouse": warehouse.location.root, "settings": str(path)},
            notes=("Next: salon curate PHOTOS",) if made else ("The settings were there already and are kept.",),
        ),
        as_json,
    )


def sql(
    query: Annotated[str, typer.Argument(help="One SELECT over the tables; see docs/tables.md.")],
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Ask the tables in DuckDB's SQL (reading only)."""
    from warehouse.store import Warehouse

    rows = Warehouse.open(resolve_root(root)).query_for_people(query)
    if wants_json(as_json):
        print_json(rows.to_pylist())
        return
    table = Table()
    for name in rows.column_names:
        table.add_column(name)
    for row in rows.slice(0, 200).to_pylist():
        table.add_row(*(value.hex() if isinstance(value, bytes) else str(value) for value in row.values()))
    OUT.print(table)
    if rows.num_rows > 200:
        OUT.print(f"200 of {rows.num_rows:,} rows; --json prints all.")
