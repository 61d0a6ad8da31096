"""Who may import whom; storage and Prefect stay where they belong."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
ALLOWED = {
    "schemas": set(),
    "curation": {"schemas"},
    "labeling": {"schemas"},
    "warehouse": {"schemas"},
    "flows": {"schemas", "curation", "labeling", "warehouse"},
}
PREFECT_ONLY_IN = {"flows"}
STORAGE_ONLY_IN = {"warehouse"}
SCHEMAS_MAY_USE = {"pyarrow", "pydantic"}


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_what_its_layer_may(package: str) -> None:
    others = set(ALLOWED) - {package} - ALLOWED[package]
    wrong = {
        f"{path.relative_to(CHECKOUT)} imports {name}"
        for path in (CHECKOUT / package).rglob("*.py")
        for name in imports_of(path)
        if name in others
        or (name == "prefect" and package not in PREFECT_ONLY_IN)
        or (name in {"deltalake", "duckdb"} and package not in STORAGE_ONLY_IN)
    }
    assert not wrong


def test_schemas_use_only_the_standard_library_pyarrow_and_pydantic() -> None:
    import sys

    found = {name for path in (CHECKOUT / "schemas").rglob("*.py") for name in imports_of(path)}
    assert found - set(sys.stdlib_module_names) - SCHEMAS_MAY_USE - {"schemas"} == set()


@pytest.mark.parametrize("package", ALLOWED)
def test_the_package_imported_lies_in_this_checkout(package: str) -> None:
    module = __import__(package)
    assert module.__file__ is not None
    assert Path(module.__file__).resolve().is_relative_to(CHECKOUT)
