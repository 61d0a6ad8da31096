"""From counted ratings to the tables of scores, on real votes and on odd ones."""

from __future__ import annotations

import csv
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from flows.import_ratings import Request, take_file
from flows.score import QUESTIONS, remove_others, score, score_one, score_pairs
from labeling.importing.columns import Wanted
from labeling.scoring.question import Question
from schemas.errors import WrongUse
from schemas.ratings import COMPARISONS, Comparison
from tests.conftest import real_data
from tests.labeling.photos import SEEN, photo_id_of, warehouse_with
from warehouse.store import Warehouse

module = sys.modules["flows.score"]
DERIVED = ("scores", "raters", "reliability", "scorings")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template") / "wh"
    warehouse_with(folder, [f"/photos/{name}.jpg" for name in "abcdef"])
    return folder


@pytest.fixture
def warehouse(template: Path, tmp_path: Path) -> Warehouse:
    return Warehouse.open(shutil.copytree(template, tmp_path / "wh"))


def vote(warehouse: Warehouse, folder: Path, rows: Sequence[tuple[str, str, float]], **more: Any) -> None:
    path = folder / "votes.csv"
    path.write_text("photo,rater,score\n" + "".join(f"{photo},{rater},{value}\n" for photo, rater, value in rows))
    take_file(warehouse.location.root, Request(file=str(path), scale="1-7", **more))


def score_all(warehouse: Warehouse) -> list[bool]:
    """What the flow does, without Prefect."""
    root = warehouse.location.root
    questions = [Question(*row.values()) for row in warehouse.query(QUESTIONS).to_pylist()]
    remove_others(root, [(what.question, what.scale) for what in questions])
    return [score_one(root, what)[0] for what in questions]


def versions(warehouse: Warehouse) -> dict[str, int]:
    return {name: warehouse.tables[name].version for name in DERIVED}


@pytest.fixture(scope="module")
def oasis(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    file = real_data("oasis", "votes.csv")
    with file.open(newline="") as stream:
        names = sorted({row["image_id"] for row in csv.DictReader(stream)})
    warehouse = warehouse_with(tmp_path_factory.mktemp("oasis") / "wh", [f"/oasis/{name}.jpg" for name in names])
    wanted = Wanted(photo="image_id", rater="rater_id", position="trial_number")
    outcome = take_file(warehouse.location.root, Request(file=str(file), wanted=wanted, scale="1-7"))
    assert outcome.counts["new in the table"] == 92073
    score_all(warehouse)
    return warehouse


def test_real_votes_have_the_published_means_spreads_and_counts(oasis: Warehouse) -> None:
    rows = oasis.query("SELECT photo_id, method, score, sd, n FROM scores").to_pylist()
    found = {(row["photo_id"], row["method"]): row for row in rows}
    with real_data("oasis", "published_means.csv").open(newline="") as stream:
        published = {photo_id_of(f"/oasis/{row['image_id']}.jpg"): row for row in csv.DictReader(stream)}
    assert len(published) == 501
    for photo_id, row in published.items():
        mean = found[photo_id, "mos"]
        assert abs(mean["score"] - float(row["published_beauty_mean"])) <= 0.005 + 1e-9
        assert abs(mean["sd"] - float(row["published_beauty_sd"])) < 1e-8
        assert mean["n"] == int(row["published_beauty_n"])
    default = [found[photo_id, "two_way"]["score"] for photo_id in published]
    means = [float(row["published_beauty_mean"]) for row in published.values()]
    assert spearmanr(default, means).statistic > 0.99


def test_every_vote_is_in_a_histogram_and_every_score_in_its_interval(oasis: Warehouse) -> None:
    rows = oasis.query("SELECT * FROM scores").to_pylist()
    assert sum(sum(row["histogram"]) for row in rows if row["method"] == "mos") == 92073
    for row in rows:
        assert row["ci_low"] <= row["score"] <= row["ci_high"]
        assert len(row["histogram"]) == 7
    notes = oasis.query("SELECT components, notes FROM scorings").to_pylist()[0]
    assert notes["components"] == 4  # four lists of photos, each with raters of its own
    assert "4 parts" in notes["notes"][0]


def test_the_same_again_writes_nothing(warehouse: Warehouse, tmp_path: Path) -> None:
    vote(warehouse, tmp_path, [("a", "r1", 3), ("a", "r2", 5), ("b", "r1", 6), ("b", "r2", 7), ("c", "r1", 1)])
    assert score_all(warehouse) == [True]
    before = versions(warehouse)
    assert score_all(warehouse) == [False]
    assert versions(warehouse) == before


def test_new_votes_touch_only_their_question_and_equal_a_full_run(
    warehouse: Warehouse, template: Path, tmp_path: Path
) -> None:
    beauty = [("a", "r1", 3), ("a", "r2", 5), ("b", "r1", 6), ("b", "r2", 7), ("c", "r1", 1)]
    light = [("a", "r1", 2), ("b", "r1", 4), ("a", "r2", 4), ("b", "r2", 4)]
    more = [("c", "r2", 2), ("d", "r3", 4), ("a", "r3", 5)]
    vote(warehouse, tmp_path, beauty)
    vote(warehouse, tmp_path, light, wanted=Wanted(question="light"))
    score_all(warehouse)
    vote(warehouse, tmp_path, more)
    assert score_all(warehouse) == [True, False]
    full = Warehouse.open(shutil.copytree(template, tmp_path / "full"))
    shutil.copy(Path(warehouse.location.root, ".salon-pseudonym-key"), full.location.root)
    vote(full, tmp_path, light, wanted=Wanted(question="light"))
    vote(full, tmp_path, [*more, *beauty][::-1])
    score_all(full)
    for name in DERIVED:
        assert warehouse.tables[name].digest() == full.tables[name].digest(), name


def test_questions_without_votes_leave_the_tables(warehouse: Warehouse, tmp_path: Path) -> None:
    vote(warehouse, tmp_path, [("a", "r1", 3)], wanted=Wanted(question='what\'s "up"?'))
    score_all(warehouse)
    assert warehouse.query("SELECT count(*) AS n FROM scores").to_pylist() == [{"n": 3}]
    warehouse.tables["ratings"].delete("value = 3")
    score_all(warehouse)
    for name in DERIVED:
        assert warehouse.tables[name].count() == 0


@pytest.mark.parametrize(
    "rows",
    [
        [("a", "r1", 4)],
        [("a", "r1", 4), ("b", "r1", 5), ("c", "r1", 7)],
        [("a", "r1", 4), ("a", "r2", 5), ("a", "r3", 7)],
        [(photo, rater, 4) for photo in "abc" for rater in ("r1", "r2", "r3")],
        [("a", "r1", 4), ("a", "r2", 5), ("b", "r3", 1), ("b", "r4", 1)],
        [(photo, f"r{n}", 3 + (n + ord(photo)) % 4) for n in range(5) for photo in "abc"] + [("d", "once", 2)],
    ],
    ids=["one vote", "one rater", "one photo", "all equal", "disconnected", "a rater with one vote"],
)
def test_degenerate_votes_have_a_defined_result_and_no_nan(
    warehouse: Warehouse, tmp_path: Path, rows: list[tuple[str, str, float]]
) -> None:
    vote(warehouse, tmp_path, rows)
    score_all(warehouse)
    for name in DERIVED:
        for row in warehouse.query(f"SELECT * FROM {name}").to_pylist():
            assert not [key for key, value in row.items() if isinstance(value, float) and not np.isfinite(value)]
            assert "NaN" not in str(row.get("checks", ""))
    assert warehouse.query("SELECT DISTINCT photo_id FROM scores").num_rows == len({photo for photo, _, _ in rows})


def test_a_screening_that_changes_under_its_name_is_refused_and_changes_nothing(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    vote(warehouse, tmp_path, [("a", "r1", 3), ("a", "r2", 5), ("b", "r1", 6), ("b", "r2", 7)])
    settings = Path(warehouse.location.root, "salon.toml")
    before = settings.read_text() if settings.exists() else ""
    settings.write_text(before + '\n[score]\nscreening = {name = "lines@1", longest_run = 15}\n')
    score_all(warehouse)
    assert warehouse.query("SELECT DISTINCT screening FROM scores ORDER BY 1").to_pylist()[0] == {
        "screening": "lines@1"
    }
    settings.write_text(before + '\n[score]\nscreening = {name = "lines@1", longest_run = 20}\n')
    standing = versions(warehouse)
    with pytest.raises(WrongUse, match="frozen"):
        score_all(warehouse)
    assert versions(warehouse) == standing


def test_simulated_votes_mark_their_scores(warehouse: Warehouse, tmp_path: Path) -> None:
    vote(warehouse, tmp_path, [("a", "r1", 3), ("b", "r1", 5)])
    vote(warehouse, tmp_path, [("a", "robot", 3)], simulated=True)
    score_all(warehouse)
    marked = warehouse.query("SELECT DISTINCT photo_id, simulated FROM scores").to_pylist()
    wanted = {photo_id_of("/photos/a.jpg"): True, photo_id_of("/photos/b.jpg"): False}
    assert {row["photo_id"]: row["simulated"] for row in marked} == wanted


def test_the_flow_says_what_it_did_and_an_empty_warehouse_is_no_fault(warehouse: Warehouse, tmp_path: Path) -> None:
    assert "There are no ratings yet" in score(warehouse.location.root).notes[0]
    vote(warehouse, tmp_path, [("a", "r1", 3), ("a", "r2", 5), ("b", "r1", 6), ("b", "r2", 7)])
    outcome = score(warehouse.location.root)
    assert (outcome.counts["worked out"], outcome.counts["beauty: votes"]) == (1, 4)


def compared(question: str, left: str, right: str, outcome: str, number: int) -> Comparison:
    return Comparison(
        comparison_id=f"{question}{number}",
        identity=f"{question}{number}",
        left_id=photo_id_of(f"/photos/{left}.jpg"),
        right_id=photo_id_of(f"/photos/{right}.jpg"),
        outcome=outcome,
        rater_id="r1",
        question=question,
        role="rate",
        source="test",
        status="counted",
        simulated=question == "simulated",
        recorded_at=SEEN,
    )


def test_comparisons_become_scores_of_their_own(warehouse: Warehouse) -> None:
    # Three photos in a circle with one side stronger, as choix publishes it; and a pair that always ends the same.
    circle = [("a", "b", "left"), ("b", "a", "right"), ("b", "c", "left"), ("a", "c", "right")]
    rows = [compared("which", *judged, number) for number, judged in enumerate(circle)]
    rows += [compared("simulated", "a", "d", "left", number) for number in range(3)]
    warehouse.table(COMPARISONS).insert(rows)
    photos, notes = score_pairs(warehouse.location.root)
    assert photos == {"simulated": 2, "which": 3}
    found = warehouse.query("SELECT * FROM scores ORDER BY question DESC, score DESC").to_pylist()
    assert [row["score"] for row in found[:3]] == pytest.approx([0.419617624, 0, -0.419617624], abs=1e-8)
    assert found[0]["histogram"] == [1, 0, 2]  # one loss, no tie, two wins
    assert all(row["ci_low"] < row["score"] < row["ci_high"] and row["scale"] == "pairs" for row in found)
    assert [row["simulated"] for row in found] == [False] * 3 + [True] * 2
    assert len(notes) == 1 and "prior" in notes[0]
    version = warehouse.tables["scores"].version
    assert score_pairs(warehouse.location.root) == (photos, notes)
    assert warehouse.tables["scores"].version == version
    warehouse.tables["comparisons"].delete("question = 'which'")
    assert score_pairs(warehouse.location.root)[0] == {"simulated": 2}
    assert warehouse.query("SELECT DISTINCT question FROM scores").to_pylist() == [{"question": "simulated"}]


def test_comparisons_that_stand_are_not_worked_out_again(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    circle = [("a", "b", "left"), ("b", "c", "left"), ("a", "c", "right")]
    rows = [compared("which", *judged, number) for number, judged in enumerate(circle)]
    warehouse.table(COMPARISONS).insert(rows)
    calls = []
    fresh = module.score_comparisons

    def counted(*parts: Any) -> Any:
        calls.append(parts)
        return fresh(*parts)

    monkeypatch.setattr(module, "score_comparisons", counted)
    for expected in (1, 1):
        score_pairs(warehouse.location.root)
        assert len(calls) == expected
    warehouse.table(COMPARISONS).insert([compared("which", "c", "d", "tie", 9)])
    score_pairs(warehouse.location.root)
    assert len(calls) == 2


def test_ratings_and_comparisons_of_a_question_are_joined_on_the_ratings_scale(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    rng = np.random.default_rng(3)
    truth = dict(zip("abcdef", [2.0, 3.0, 4.0, 5.0, 6.0, 4.5], strict=True))
    rows = [
        (photo, f"r{n}", float(np.clip(round(truth[photo] + rng.normal(0, 0.7)), 1, 7)))
        for photo in "abcd"
        for n in range(12)
    ]
    vote(warehouse, tmp_path, rows)
    judged = []
    for number in range(400):
        left, right = rng.choice(list(truth), 2, replace=False)
        chance = 1 / (1 + np.exp(truth[right] - truth[left]))
        judged.append(compared("beauty", left, right, "left" if rng.random() < chance else "right", number))
    warehouse.table(COMPARISONS).insert(judged)
    score_all(warehouse)
    _, notes = score_pairs(warehouse.location.root)
    assert any("joined over 4 photos" in note for note in notes)
    found = {row["photo_id"]: row for row in warehouse.query("SELECT * FROM scores WHERE method = 'joint'").to_pylist()}
    assert len(found) == 6
    for name, quality in truth.items():  # e and f were never rated
        row = found[photo_id_of(f"/photos/{name}.jpg")]
        assert row["ci_low"] - 0.3 < quality < row["ci_high"] + 0.3
        assert row["scale"] == "1-7" and len(row["histogram"]) == (7 if name in "abcd" else 0)
    assert found[photo_id_of("/photos/e.jpg")]["score"] > found[photo_id_of("/photos/d.jpg")]["score"]
    vote(warehouse, tmp_path, [("a", "late", 7.0), ("b", "late", 7.0)])
    score_all(warehouse)  # the ratings' rows come anew, and those by pairs stay until they are looked at
    assert warehouse.query("SELECT count(*) AS n FROM scores WHERE method = 'joint'").to_pylist() == [{"n": 6}]
    score_pairs(warehouse.location.root)
    again = warehouse.query("SELECT score FROM scores WHERE method = 'joint' ORDER BY photo_id").to_pylist()
    assert [row["score"] for row in again] != [found[photo]["score"] for photo in sorted(found)]
