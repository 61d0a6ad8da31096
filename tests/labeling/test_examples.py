"""The worked examples in the docstrings of the scoring functions say what the functions do."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import labeling.scoring

MODULES = [module.name for module in pkgutil.iter_modules(labeling.scoring.__path__)]
WITH_EXAMPLES = ("votes", "mos", "two_way", "intraclass", "agreement", "ordinal", "pairs", "taste", "resampling")


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name: str) -> None:
    found = doctest.testmod(importlib.import_module(f"labeling.scoring.{name}"))
    assert found.failed == 0
    assert found.attempted > 0 or name not in WITH_EXAMPLES
