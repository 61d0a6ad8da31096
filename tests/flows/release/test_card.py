"""The card tells the truth: what was asked, who was screened, what the score follows."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import numpy as np
import pyarrow as pa
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import f_oneway, spearmanr

from flows.release.biases import biases
from flows.release.plots import bars_around_zero, histogram, scatter
from labeling.protocols.catalogue import built_in
from schemas.codes import TaskRole
from schemas.ratings import (
    BATCHES,
    RATERS,
    SCORINGS,
    SENT_TASKS,
    SUGGESTIONS,
    TASKS,
    Batch,
    BatchState,
    Rater,
    Scoring,
    SentTask,
    Suggestion,
    Task,
)
from tests.flows.release.heap import NOON, Heap, rows


def default_rows(score: list[float], **columns: list[object]) -> pa.Table:
    """Rows of `default` without pictures, as far as biases look at them."""
    n = len(score)
    return pa.table({"score": score, "width": [640] * n, "height": [480] * n, **columns})


def test_a_score_that_follows_the_year_and_the_camera_is_found_out_and_one_that_does_not_is_not() -> None:
    rng = np.random.default_rng(0)
    year, camera = rng.integers(2000, 2020, 400), rng.choice(["A", "B", "C"], 400)
    score = 3 + 0.05 * (year - 2010) + 0.4 * (camera == "A") + rng.normal(0, 0.5, 400)
    noise = rng.normal(0, 1, 400)
    table = default_rows(
        score.tolist(), captured_year=year.tolist(), camera_make=camera.tolist(), brightness=noise.tolist()
    )
    found = {bias.what: bias for bias in biases(table)}
    followed = found["year in which it was taken"]
    assert followed.figure == pytest.approx(spearmanr(year, score).statistic) and followed.notable
    assert not found["brightness"].notable
    assert found["resolution (megapixels)"].figure is None and "the same for all" in found[
        "resolution (megapixels)"].sentence  # fmt: skip
    maker = found["maker of the camera"]
    groups = [score[camera == kind] for kind in "ABC"]
    f = f_oneway(*groups).statistic
    assert maker.figure == pytest.approx(2 * (f - 1) / (2 * (f - 1) + 400))  # omega squared by way of F
    assert maker.notable and maker.kinds == 3


@given(st.lists(st.floats(1, 7), min_size=20, max_size=60), st.integers(0, 99))
def test_kinds_that_are_drawn_by_lot_explain_next_to_nothing_on_average(scores: list[float], seed: int) -> None:
    kinds = np.random.default_rng(seed).choice(["A", "B"], len(scores)).tolist()
    for bias in biases(default_rows(scores, camera_make=kinds)):
        assert bias.figure is None or -1 <= bias.figure <= 1
        assert bias.low is None or bias.high is None or bias.figure is None or bias.low <= bias.figure <= bias.high


def test_the_card_gives_the_words_that_raters_read_or_says_that_nobody_knows_them(rated: Heap) -> None:
    protocol = built_in()["acr-5"]
    photo_ids = rated.photo_ids()
    rated.votes(photo_ids, raters=3, question=protocol.question, protocol_version=protocol.version, source="server")
    rated.votes(photo_ids, raters=3, question="harmony")
    rated.votes(photo_ids, raters=3, question="calm")
    rated.score()
    rated.settings('[publish.wordings]\nharmony = "How harmonious is it?"\n')
    folder = rated.made()
    card = (folder / "README.md").read_text()
    assert f"> {protocol.wording}" in card and "*Excellent*" in card and protocol.instructions in card
    assert "> How harmonious is it?" in card
    assert "**calm**, scale 1-7: 120 answers.\nThe ratings were imported, and the wording" in card
    assert protocol.wording in (folder / "METHODS.md").read_text()
    croissant = json.loads((folder / "croissant.json").read_text())
    assert "How harmonious is it?" in croissant["rai:dataAnnotationProtocol"]
    assert croissant["rai:dataBiases"]


def sent_batch(heap: Heap, name: str, photo_ids: list[str]) -> list[str]:
    """A batch that was sent, a task a photo; returns the tasks' keys."""
    keys = [f"{name}-{photo_id[:8]}" for photo_id in photo_ids]
    heap.warehouse.table(BATCHES).insert(
        [Batch(batch_id=name, protocol="assisted", protocol_version="0", selection="{}", design='{"overlap": 2}',
               photos=len(keys), state=BatchState.SENT, simulated=False, created_at=NOON)]
    )  # fmt: skip
    heap.warehouse.table(TASKS).insert(
        Task(task_key=key, batch_id=name, photo_id=photo_id, role=TaskRole.RATE, selected_by="random")
        for key, photo_id in zip(keys, photo_ids, strict=True)
    )
    heap.warehouse.table(SENT_TASKS).insert(
        SentTask(task_key=key, server="s", project_id=1, labelstudio_task_id=number, sent_at=NOON)
        for number, key in enumerate(keys)
    )
    return keys


def test_suggestions_that_raters_saw_are_named_and_their_absence_too(rated: Heap) -> None:
    photo_ids = rated.photo_ids()[:4]
    keys = sent_batch(rated, "assisted-1", photo_ids)
    for photo_id, key in zip(photo_ids, keys, strict=True):
        rated.votes([photo_id], raters=2, seed=5, task_key=key, batch_id="assisted-1")
        rated.votes([photo_id], raters=2, question="light", scale="stars-5", task_key=key, batch_id="assisted-1")
    rated.score()
    folder = rated.made()
    none = "No rater was shown a model's score"
    assert none in (folder / "README.md").read_text() and none in (folder / "METHODS.md").read_text()

    votes = rated.warehouse.query(
        "SELECT task_key, rater_id, value FROM counted_ratings WHERE task_key IS NOT NULL AND question = 'beauty'"
    ).to_pylist()
    first = {row["task_key"]: row["value"] for row in sorted(votes, key=lambda row: row["rater_id"], reverse=True)}
    rated.warehouse.table(SUGGESTIONS).insert(
        Suggestion(task_key=key, value=first[key], model="head.csv 0123456789ab", suggested_at=NOON) for key in keys[:3]
    )
    rated.warehouse.table(SUGGESTIONS).insert(
        [Suggestion(task_key="never sent", value=1.0, model="another", suggested_at=NOON)]
    )
    equal = sum(row["value"] == first[row["task_key"]] for row in votes if row["task_key"] in keys[:3])
    assert 3 <= equal < 6
    rated.votes(photo_ids[:1], raters=1, seed=9)  # else there is nothing new to publish
    rated.score()
    folder = rated.made()
    told = (
        "**Suggestions were shown** in batch assisted-1: 3 of 4 tasks came with a score of the model "
        f"`head.csv 0123456789ab` as the answer chosen beforehand; 6 counted answers were given to these tasks, "
        f"{equal / 6:.0%} of them equal to it."
    )
    for name in ("README.md", "METHODS.md"):
        text = (folder / name).read_text()
        assert told in text and "model `another`" not in text and none not in text
    assert told in json.loads((folder / "croissant.json").read_text())["rai:dataBiases"][0]


def test_raters_stand_once_per_question_with_the_screening_beside_them(rated: Heap) -> None:
    raters = sorted({r["rater_id"] for r in rated.warehouse.query("SELECT rater_id FROM ratings").to_pylist()})
    rated.warehouse.table(RATERS).replace(
        [Rater(rater_id=r, question="beauty", scale="1-7", method=method, screening=screening, n=40, bias=0.1,
               inconsistency=0.6, agreement=0.7, screened_out=screening != "none" and number == 0, checks="{}")
         for number, r in enumerate(raters) for method in ("mos", "two_way") for screening in ("none", "attention@1")]
    )  # fmt: skip
    rated.warehouse.table(SCORINGS).replace(
        [Scoring(question="beauty", scale="1-7", scale_low=1.0, scale_high=7.0, votes_digest="", settings_digest="",
                 photos=40, raters=6, votes=240, components=1, simulated=False,
                 notes=[f"BT.500 would reject 1 rater ({raters[0]})."])]
    )  # fmt: skip
    folder = rated.made()
    published = rows(folder, "raters")
    assert len(published) == 6 and {row["method"] for row in published} == {"two_way"}
    assert sum(row["screened_out"] for row in published) == 1
    card = (folder / "README.md").read_text()
    assert "| attention@1 | beauty | 6 | 1 | 5 |" in card
    # Notes name raters as the release does: the warehouse's own names would tell who is who in another dataset.
    named = card.split("BT.500 would reject 1 rater (")[1].split(")")[0]
    assert named in {row["rater_id"] for row in published}
    for path in (p for p in folder.rglob("*") if p.is_file()):
        assert not any(rater.encode() in path.read_bytes() for rater in raters), path


def test_every_column_of_every_configuration_has_a_meaning_in_card_and_croissant(rated: Heap) -> None:
    rated.votes(rated.photo_ids(), raters=3, question="harmony")
    rated.score()
    folder = rated.made()
    card = (folder / "README.md").read_text()
    described = 0
    for record_set in json.loads((folder / "croissant.json").read_text())["recordSet"]:
        for field in record_set["field"]:
            assert field.get("description"), field["@id"]
            meaning = field["description"].replace("*", r"\*")
            assert f"| `{field['name']}` | {meaning} |" in card, field["@id"]
            described += 1
    assert described > 100 and "plain mean of the counted ratings, scale units (harmony, 1-7)" in card
    assert "a code of" not in card and "one of counted, duplicate" in card


def test_a_text_that_names_no_licence_stands_as_unknown_in_the_card(rated: Heap) -> None:
    own = rated.photos([900], license="www.example.org |\nme")
    rated.keep(own)
    rated.votes(own, raters=3)
    rated.score()
    card = (rated.made() / "README.md").read_text()
    assert "| unknown: the file says “www.example.org \\| me” | 1 |" in card and "| unknown | 40 |" in card


def test_the_yaml_says_what_the_files_hold(rated: Heap) -> None:
    folder = rated.made()
    header = yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])
    for config, info in zip(header["configs"], header["dataset_info"], strict=True):
        for files, split in zip(config["data_files"], info["splits"], strict=True):
            found = sorted(folder.glob(files["path"]))
            assert found and files["split"] == split["name"]
            of_split = [r for r in rows(folder, found[0].parent.name) if r.get("split", "everyone") == split["name"]]
            assert len(of_split) == split["num_examples"]


@given(st.lists(st.floats(1, 7), max_size=50))
def test_plots_are_well_formed_whatever_the_figures(values: list[float]) -> None:
    array = np.array(values, np.float64)
    spans = [(max(v / 7 - 0.1, -1), min(v / 7 + 0.1, 1)) for v in values]
    texts = (
        histogram(array, "a < b", 1, 7),
        scatter(array, array, "a", "b", 1, 7),
        bars_around_zero(["x & y"] * len(values), [v / 7 for v in values], spans),
    )
    for text in texts:
        root = ET.fromstring(text)
        assert "nan" not in text and root.tag.endswith("svg")
    bars = [e for e in ET.fromstring(texts[0]).iter() if e.get("fill") == "#3d6b8c"]
    assert len(bars) == len({min(int((v - 1) / 0.25), 23) for v in values})
