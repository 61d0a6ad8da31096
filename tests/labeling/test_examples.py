"""The worked examples in the docstrings of the scoring functions say what the functions do."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import pytest

import labeling.scoring

MODULES = [module.name for module in pkgutil.iter_modules(labeling.scoring.__path__)]
FOR_NOTEBOOKS = (
    *("mos", "two_way", "p910", "ordinal", "pairs", "joint", "intraclass", "agreement", "reliability", "resampling"),
    *("taste", "screening", "drift", "batches"),
)
"""Modules whose every function is for a notebook, as docs/scores.md says."""
HELD_BACK = ("release_default", "around", "pearson_by")
"""Parts of other functions, whose examples show them."""


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name: str) -> None:
    found = doctest.testmod(importlib.import_module(f"labeling.scoring.{name}"))
    assert found.failed == 0


@pytest.mark.parametrize("name", FOR_NOTEBOOKS)
def test_every_function_for_a_notebook_has_a_worked_example(name: str) -> None:
    module = importlib.import_module(f"labeling.scoring.{name}")
    functions = [
        function
        for function in vars(module).values()
        if inspect.isfunction(function) and function.__module__ == module.__name__
    ]
    public = [function for function in functions if not function.__name__.startswith("_")]
    assert public
    for function in public:
        assert ">>>" in (function.__doc__ or "") or function.__name__ in HELD_BACK, function.__name__
