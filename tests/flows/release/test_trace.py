"""One photo, from the raw file to every release."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.trace import page, trace
from schemas.errors import WrongUse
from tests.flows.release.heap import Heap


def test_a_photo_is_walked_from_its_file_to_its_releases(rated: Heap) -> None:
    rated.made()
    root = rated.warehouse.location.root
    photo_id = rated.photo_ids()[0]
    found = trace(root, photo_id)
    assert found["file"][0]["file_name"] == f"holiday-{photo_id[:8]}.jpg"
    assert found["decisions"][0]["reason"] == "sharp" and found["decisions"][0]["kept"]
    assert found["ratings"][0]["ratings"] == 6 and found["ratings"][0]["raters"] == 6
    assert {row["method"] for row in found["scores"]} == {"mos", "two_way"}
    assert found["releases"][0]["version"] == "1.0.0" and found["releases"][0]["in this version"]
    for name in (photo_id[:10], f"{photo_id}.jpg", f"holiday-{photo_id[:8]}.jpg", found["file"][0]["uri"]):
        assert trace(root, name)["photo_id"] == photo_id
    text = Path(page(root, found).files["page"]).read_text()
    assert photo_id[:12] in text and "sharp" in text
    assert "Nothing is on record of: quarantine" in text and "<h2>Quarantine" not in text
    with pytest.raises(WrongUse, match="no photo has this name"):
        trace(root, "nothing.jpg")
