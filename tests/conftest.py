"""What all tests share: where the real data lie, and a warehouse of one's own."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest

from flows.runtime import prepare_environment

prepare_environment()
CHECKOUT = Path(__file__).resolve().parent.parent


def real_data(*parts: str) -> Path:
    """A path in the folder of real photos and votes beside the checkout; the test is skipped without it."""
    folder = Path(os.environ.get("SALON_TEST_DATA", CHECKOUT.parent / "shared" / "data"))
    if not folder.is_dir():
        text = f"SKIPPED FOR WANT OF REAL DATA: no {folder}; set SALON_TEST_DATA"
        warnings.warn(pytest.PytestWarning(text), stacklevel=2)
        pytest.skip(text)
    return folder.joinpath(*parts)
