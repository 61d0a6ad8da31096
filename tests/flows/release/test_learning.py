"""What a release teaches, end to end: heads, files, comparisons, and faults in one sentence."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest

from curation.filtering.heads import read_head
from flows.compare import compare_predictions, labelled
from flows.context import open_run
from flows.learn import learn
from flows.predictions import read_predictions
from flows.release.rebuild import rebuild
from flows.select import write
from flows.selection.plan import plan_batch
from flows.simulate_loop import loop
from labeling.learning.loop import Strategy
from schemas.errors import BadInput, WrongUse
from schemas.photos import EMBEDDINGS, Embedding
from tests.flows.release.heap import Heap
from tests.flows.release.heap import rows as rows_of_release

MODEL = "test:planted"


def planted(heap: Heap) -> Path:
    """A release whose vectors know how good a photo is; returns the heads' folder to come."""
    embed_planted(heap, heap.photo_ids())
    heap.made()
    return heap.root / "wh" / "heads" / "beauty" / "1.0.0" / "test_planted"


def embed_planted(heap: Heap, photo_ids: list[str], model: str = MODEL) -> None:
    """Vectors that know how good each photo is."""
    rows = []
    for photo_id in photo_ids:
        rng = np.random.default_rng(int(photo_id[:8], 16))
        vector = np.append(rng.normal(0, 0.1, 7), 1.0 + int(photo_id[:4], 16) % 5)
        vector /= np.linalg.norm(np.append(vector, 3.0))
        rows.append(Embedding(photo_id=photo_id, model=model, vector=[float(v) for v in vector], **EXTRA))
    heap.warehouse.table(EMBEDDINGS).insert(rows)


def embed_at(heap: Heap, vectors: dict[str, npt.NDArray[np.float64]]) -> None:
    """Vectors as they are said."""
    heap.warehouse.table(EMBEDDINGS).insert(
        [Embedding(photo_id=photo, model=MODEL, vector=vector.tolist(), **EXTRA) for photo, vector in vectors.items()]
    )


EXTRA: dict[str, str] = {"weights_sha256": "", "precision": "fixed", "preprocessing": "test"}


def test_heads_learn_what_is_planted_are_judged_and_stay_the_same_when_run_again(rated: Heap) -> None:
    folder = planted(rated)
    root = rated.warehouse.location.root
    outcome = learn(root=root, name="beauty", version="1.0.0")
    assert outcome.counts["model"] == MODEL
    assert Path(outcome.files["report"]).read_text().startswith("<!doctype html>")
    for kind in ("linear", "kernel"):
        rows = pq.read_table(folder / f"predictions-{kind}.parquet")
        assert rows.num_rows == 40
        told = dict(zip(rows["photo_id"].to_pylist(), rows["score"].to_pylist(), strict=True))
        level = {photo: int(photo[:4], 16) % 5 for photo in told}
        assert np.corrcoef([told[p] for p in told], [level[p] for p in told])[0, 1] > 0.9
    before = {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.iterdir()}
    learn(root=root, name="beauty", version="1.0.0")
    assert {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.iterdir()} == before
    figures = json.loads((folder / "figures.json").read_text())
    assert figures["simulated"] is False and figures["photos"]["train"] >= 20


def test_the_heads_figures_stand_in_their_card_and_in_that_of_the_next_version(rated: Heap) -> None:
    folder = planted(rated)
    root = rated.warehouse.location.root
    first = rated.root / "wh" / "releases" / "beauty" / "1.0.0"
    assert "What models reach" not in (first / "README.md").read_text()
    before = {file.name: file.read_bytes() for file in first.iterdir() if file.is_file()}
    learn(root=root, name="beauty", version="1.0.0")
    figures = json.loads((folder / "figures.json").read_text())
    value, low, high = figures["heads"]["kernel"]["validation"]["srcc"]
    told = f"{value:.3f} ({low:.3f} to {high:.3f})"
    assert told in (folder / "README.md").read_text()
    assert {file.name: file.read_bytes() for file in first.iterdir() if file.is_file()} == before
    made = rated.publish()
    assert made.counts["version"] == "1.0.1" and "The card tells what trained heads reach." in made.notes
    second = Path(made.files["release"])
    assert told in (second / "README.md").read_text() and "version 1.0.0" in (second / "README.md").read_text()
    assert "The card tells what trained heads reach." in (second / "CHANGES.md").read_text()
    assert [file.read_bytes() for file in sorted((first / "data").iterdir())] == [
        file.read_bytes() for file in sorted((second / "data").iterdir())
    ]
    assert "nothing has changed since 1.0.1" in rated.publish().notes
    learn(root=root, name="beauty", version="1.0.1")  # the same rows: the same figures
    assert "nothing has changed since 1.0.1" in rated.publish().notes
    assert "the same bytes" in rebuild(open_run(root), "beauty", "1.0.1").notes[0]


def test_the_filter_reads_the_linear_head_and_gives_the_same_scores(rated: Heap) -> None:
    folder = planted(rated)
    learn(root=rated.warehouse.location.root, name="beauty", version="1.0.0")
    told = pq.read_table(folder / "predictions-linear.parquet").to_pylist()
    table = rated.warehouse.query("SELECT photo_id, vector FROM embeddings").to_pylist()
    vectors = {row["photo_id"]: row["vector"] for row in table}
    matrix = np.array([vectors[row["photo_id"]] for row in told], dtype=np.float32)
    np.testing.assert_allclose(read_head(folder / "linear.npz").scores(matrix), [r["score"] for r in told], atol=1e-5)


def test_a_batch_asks_for_what_the_head_is_least_sure_of_and_that_is_never_tested_on(rated: Heap) -> None:
    folder = planted(rated)
    root = rated.warehouse.location.root
    learn(root=root, name="beauty", version="1.0.0")
    new = rated.photos(range(100, 160))
    rated.keep(new)
    embed_planted(rated, new)
    head = (folder / "kernel.npz").relative_to(rated.root / "wh")
    rated.settings(f'[study]\nhead = "{head}"\naudit_share = 0.0\n[embed]\nembedder = "{MODEL}"\n')
    run = open_run(root)
    chosen = plan_batch(run, 40)
    assert chosen is not None
    kinds = Counter(s.selected_by for s in chosen.stimuli)
    assert (kinds["model"], kinds["random"]) == (16, 7)
    assert all(s.probability == 1.0 for s in chosen.stimuli if s.selected_by != "random")
    again = plan_batch(run, 40)
    assert again is not None and again.stimuli == chosen.stimuli
    write(run, chosen)
    rated.votes(new)
    rated.score()
    second = rated.made()
    split_of = {row["photo_id"]: row["split"] for row in rows_of_release(second, "scores")}
    asked_for = {s.photos[0] for s in chosen.stimuli if s.selected_by == "model"}
    assert asked_for <= set(split_of) and "test" not in {split_of[photo] for photo in asked_for}
    assert "test" in {split_of[photo] for photo in set(new) - asked_for}


@pytest.mark.parametrize("crowded", range(2))
def test_photos_of_other_batches_are_to_be_predicted_too_and_draw_the_choice(rated: Heap, crowded: int) -> None:
    folder = planted(rated)
    root = rated.warehouse.location.root
    learn(root=root, name="beauty", version="1.0.0")
    asked, new = rated.photos(range(100, 130)), rated.photos(range(130, 160))
    rated.keep(asked)
    run = open_run(root)
    first = plan_batch(run, 1000)  # all that there is
    assert first is not None
    write(run, first)
    rated.keep(new)
    corners = np.eye(8)[:2]  # where no photo of the release is
    rng = np.random.default_rng(0)
    embed_planted(rated, new[2:])
    embed_at(rated, dict(zip(new[:2], corners, strict=True)))
    embed_at(rated, {photo: corners[crowded] + rng.normal(0, 0.02, 8) for photo in asked})
    head = (folder / "kernel.npz").relative_to(rated.root / "wh")
    rated.settings(
        f'[study]\nhead = "{head}"\ninformed_share = 0.5\naudit_share = 0.0\n[embed]\nembedder = "{MODEL}"\n'
    )
    chosen = plan_batch(open_run(root), 10, name="next")
    assert chosen is not None
    asked_for = {s.photos[0] for s in chosen.stimuli if s.selected_by == "model"}
    assert len(asked_for) == 5 and asked_for <= set(new)
    assert asked_for & set(new[:2]) == {new[crowded]}


def test_the_loop_is_replayed_on_a_release_and_shows_every_strategy_by_the_votes_spent(heap: Heap) -> None:
    heap.ready(100, raters=10)
    embed_planted(heap, heap.photo_ids())
    heap.made()
    outcome = loop(root=heap.warehouse.location.root, release="beauty", seeds=2)
    assert (outcome.counts["photos"], outcome.counts["runs"]) == (100, 2)
    assert outcome.counts["votes needed, random, 10 votes a photo"] == "1.000 (1.000 to 1.000)"
    page = Path(outcome.files["report"]).read_text()
    assert page.count("N = ") == 4
    assert all(f"{strategy.value}, 10 votes a photo" in page for strategy in Strategy)


def test_a_head_of_another_space_is_refused_before_anything_is_chosen(rated: Heap) -> None:
    folder = planted(rated)
    learn(root=rated.warehouse.location.root, name="beauty", version="1.0.0")
    new = rated.photos(range(100, 110))
    rated.keep(new)
    embed_planted(rated, new, model="test:other")
    rated.settings(f'[study]\nhead = "{folder / "kernel.npz"}"\n[embed]\nembedder = "test:other"\n')
    with pytest.raises(WrongUse, match="belongs to test:planted, the photos' vectors are of test:other"):
        plan_batch(open_run(rated.warehouse.location.root), 5)
    rated.settings('[study]\nhead = "heads/none.npz"\n')
    with pytest.raises(WrongUse, match="salon learn NAME VERSION"):
        plan_batch(open_run(rated.warehouse.location.root), 5)


def test_prediction_files_are_ranked_the_better_one_first(rated: Heap, tmp_path: Path) -> None:
    planted(rated)
    ids = rated.photo_ids()
    good, poor = tmp_path / "good.csv", tmp_path / "poor.csv"
    good.write_text("photo_id,score\n" + "".join(f"{p},{int(p[:4], 16) % 5}\n" for p in ids))
    poor.write_text("photo_id,prediction\n" + "".join(f"{p},{int(p[9:12], 16)}\n" for p in ids))
    root = rated.warehouse.location.root
    found = compare_predictions(root=root, name="beauty", version="1.0.0", files=[str(poor), str(good)], split="train")
    assert [key for key in found.counts if key.endswith("SRCC")][:2] == ["1. good: SRCC", "2. poor: SRCC"]
    assert "good" in Path(found.files["report"]).read_text()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("photo,score\na,1\n", "this is no prediction file; expected the columns photo_id and score"),
        ("photo_id,score\na,\n", "line 2, field 'score': a prediction is no number"),
        ("photo_id,score\na,1\na,2\n", "line 3: a photo has two predictions"),
        ("photo_id,score,score\na,1,2\n", "field 'score': a column is there twice"),
        ("photo_id,score\na,2026-01-01\n", r"field 'score': a prediction is no number; got date32"),
        ("photo_id,score\na,1\nb,many\n", "field 'score': a prediction is no number; got 'many'"),
        ("photo_id,score\na,nan\n", "line 2, field 'score': a prediction is no number; got nan"),
        ("", "the prediction file cannot be read"),
    ],
)
def test_a_bad_prediction_file_is_named_with_its_line(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(BadInput, match=sentence):
        read_predictions(tmp_path / "bad.csv")


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["a/x.csv", "b/y.csv"], ["x", "y"]),
        (["a/x.csv", "a/x.parquet"], ["x.csv", "x.parquet"]),
        (["a/c/x.csv", "b/c/x.csv"], ["a/c/x.csv", "b/c/x.csv"]),
        (["a/x.csv", "a/x.csv"], ["x"]),
    ],
)
def test_no_two_prediction_files_have_one_name(files: list[str], names: list[str]) -> None:
    assert list(labelled(files)) == names


def test_a_version_that_is_not_there_or_has_no_vectors_is_refused(rated: Heap) -> None:
    root = rated.warehouse.location.root
    with pytest.raises(WrongUse, match="there is no such release; versions: none"):
        learn(root=root, name="beauty", version="1.0.0")
    rated.made()
    with pytest.raises(WrongUse, match="no configuration 'embeddings'"):
        learn(root=root, name="beauty", version="1.0.0")
