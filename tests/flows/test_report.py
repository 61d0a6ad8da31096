"""The page of scores: complete, self-contained, equal for equal data, and honest about what is simulated."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flows.import_ratings import Request, take_file
from flows.report import disagreement, page_name, write_reports
from flows.reports.score_chapters import repeated, session_part
from flows.reports.score_plots import rater_plot, spread_plot
from flows.score import score_one, score_pairs
from labeling.importing.columns import Wanted
from labeling.scoring.question import Question
from schemas.errors import WrongUse
from schemas.photos import PICTURES, Picture
from schemas.ratings import COMPARISONS
from tests.flows.test_score import compared
from tests.labeling.photos import photo_id_of, warehouse_with
from warehouse.store import Warehouse

NAMES = [f"/photos/p{n}.jpg" for n in range(16)]


def picture(uri: str) -> Picture:
    stream = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 30, 30)).save(stream, "JPEG")
    return Picture(photo_id=photo_id_of(uri), version="canonical@1", width=64, height=48, bytes=stream.getvalue())


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Sixteen photos with the votes of eight raters, three photos of them repeated, one question simulated."""
    folder = tmp_path_factory.mktemp("rated")
    warehouse = warehouse_with(folder / "wh", NAMES)
    warehouse.table(PICTURES).insert([picture(uri) for uri in NAMES])
    rng = np.random.default_rng(1)
    file = folder / "votes.csv"
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["photo", "rater", "score", "position"])
        for rater in range(8):
            for place, photo in enumerate([*rng.permutation(16).tolist(), 0, 1, 2]):
                writer.writerow([f"p{photo}", f"r{rater}", int(np.clip(photo / 3 + rng.integers(0, 3), 1, 7)), place])
    root = warehouse.location.root
    take_file(root, Request(file=str(file), scale="1-7"))
    take_file(root, Request(file=str(file), scale="1-7", wanted=Wanted(question="a/b <c>"), simulated=True))
    for question in ("beauty", "a/b <c>"):
        score_one(root, Question(question, "1-7", 1.0, 7.0))
    return warehouse


def test_a_page_for_each_question_holds_plots_sheets_and_figures(rated: Warehouse) -> None:
    outcome = write_reports(rated.location.root)
    assert set(outcome.files) == {"beauty (1-7)", "a/b <c> (1-7)"}
    text = Path(outcome.files["beauty (1-7)"]).read_text()
    assert text.count("data:image/svg+xml") == 9
    # scores, order, spread, widths, the cumulative model, raters, repeats, drift, reliability
    assert text.count("data:image/jpeg") >= 12
    for words in ("Most contested", "Most agreed", "icc1", "split_half", "beholder1", "p0.jpg · SD", "p15.jpg · SD"):
        assert words in text
    assert "made by a program" not in text
    folder = Path(outcome.files["beauty (1-7)"]).with_suffix("")
    names = {"scores", "order", "spread", "widths", "cumulative", "raters", "repeats", "drift", "reliability"}
    assert {file.stem for file in folder.iterdir()} == names
    for file in folder.iterdir():
        plot = file.read_text()
        assert "<svg" in plot and "<image" not in plot, file  # vector through and through


def test_comparisons_have_a_page_of_their_own_with_the_joint_scale(rated: Warehouse) -> None:
    rng = np.random.default_rng(2)
    rows = []
    for number in range(300):
        left, right = sorted(rng.choice(16, 2, replace=False).tolist(), key=lambda _: rng.random())
        wins = rng.random() < 1 / (1 + np.exp((right - left) / 3))
        rows.append(compared("beauty", f"p{left}", f"p{right}", "left" if wins else "right", number))
    rated.table(COMPARISONS).insert(rows)
    score_pairs(rated.location.root)
    outcome = write_reports(rated.location.root, "beauty")
    assert set(outcome.files) == {"beauty (1-7)", "beauty (pairs)"}
    text = Path(outcome.files["beauty (pairs)"]).read_text()
    assert text.count("data:image/svg+xml") == 2  # alone, and with the ratings
    for words in ("Win most", "joined over 16 photos", "With the ratings on 1-7"):
        assert words in text


def test_a_page_needs_nothing_from_elsewhere_and_marks_what_is_simulated(rated: Warehouse) -> None:
    outcome = write_reports(rated.location.root, "a/b <c>")
    text = Path(outcome.files["a/b <c> (1-7)"]).read_text()
    assert not re.search(r"(src|href)=\"(?!data:)", text)
    assert "<c>" not in text  # a question is text, never markup
    assert "made by a program" in text


def test_equal_scores_make_equal_pages(rated: Warehouse) -> None:
    first = Path(write_reports(rated.location.root, "beauty").files["beauty (1-7)"]).read_bytes()
    again = Path(write_reports(rated.location.root, "beauty").files["beauty (1-7)"]).read_bytes()
    assert first == again


def test_a_question_without_scores_is_refused_with_those_that_have_some(rated: Warehouse) -> None:
    with pytest.raises(WrongUse, match="beauty"):
        write_reports(rated.location.root, "light")


def test_repeats_and_sessions_are_read_from_the_raters_order() -> None:
    import pyarrow as pa

    votes = pa.table({"rater_id": ["a"] * 4 + ["b"], "photo_id": ["x", "y", "x", "z", "x"], "value": [1.0, 2, 3, 4, 5]})
    first, second = repeated(votes)
    assert (first.tolist(), second.tolist()) == ([1.0], [3.0])
    assert session_part(votes) == pytest.approx([0, 1 / 3, 2 / 3, 1, 0])


def test_disagreement_is_relative_to_what_a_mean_allows() -> None:
    middle, end = {"score": 4.0, "sd": 1.5}, {"score": 6.5, "sd": 1.5}
    assert disagreement(end, 1, 7) > disagreement(middle, 1, 7)
    assert disagreement({"score": 0.05, "sd": 0.02}, 0, 0.1) == pytest.approx(0.4)


def test_questions_of_any_length_have_files_of_their_own() -> None:
    assert page_name("beauty", "1-7") == "beauty-1-7"
    names = {page_name(question, "1-7") for question in ("a b", "a_b", "a/b", "Schönheit", "美" * 300, "美" * 301)}
    assert len(names) == 6
    assert all(len(f"scores-{name}.html.part".encode()) < 255 for name in names)


def test_a_plot_is_vector_and_the_same_each_time() -> None:
    rng = np.random.default_rng(0)
    mean, sd = rng.uniform(1, 5, 50), rng.uniform(0, 1, 50)
    plot = spread_plot(mean, sd, 0.2, 1, 5)
    assert plot == spread_plot(mean, sd, 0.2, 1, 5)
    assert "<image" not in plot and "<path" in plot
    many = rng.normal(size=(2, 6000))
    assert "<image" not in rater_plot(many[0], many[1], np.zeros(6000, bool))
