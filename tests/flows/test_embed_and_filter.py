"""Embedding, filtering and searching on real tables: from photos to verdicts, again, changed, and broken off."""

from __future__ import annotations

import errno
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from curation.canonical import VERSION
from flows.embed import embed
from flows.ingest import ingest
from schemas.codes import RatingStatus, TaskRole
from schemas.errors import IntegrityFault, MissingWeights
from schemas.photos import EMBEDDINGS, PICTURES, VERDICTS, Picture
from schemas.ratings import RATINGS, Rating
from tests.command_line import salon
from tests.conftest import real_data
from warehouse.delta import Table
from warehouse.store import Warehouse

Capture = pytest.CaptureFixture[str]
REAL = 14
BAD = {"blank.png": (500, 400), "small.png": (250, 200), "long.png": (2500, 300)}


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with real photos and three pictures that nobody should rate, taken in and not embedded."""
    folder = tmp_path_factory.mktemp("photos")
    for file in sorted(real_data("oasis", "images").iterdir())[:: 501 // REAL][:REAL]:
        shutil.copy2(file, folder / file.name)
    noise = np.random.default_rng(0)
    for name, (width, height) in BAD.items():
        pixels = noise.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels if name != "blank.png" else np.full_like(pixels, 128)).save(folder / name)
    root = tmp_path_factory.mktemp("made") / "warehouse"
    Warehouse.create(root)
    ingest(root=str(root), sources=[str(folder)])
    return root


@pytest.fixture
def root(made_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made_once, tmp_path / "warehouse"))


def test_real_photos_pass_and_the_rest_is_dropped_with_a_reason(root: Path, capfd: Capture) -> None:
    assert salon(capfd, root, "embed").code == 0
    assert salon(capfd, root, "filter").code == 0
    warehouse = Warehouse.open(root)
    dropped = warehouse.query(
        "SELECT file_name, rule, reason FROM verdicts JOIN sightings USING (photo_id) WHERE NOT kept ORDER BY ALL"
    ).to_pylist()
    assert {(row["file_name"], row["rule"]) for row in dropped} == {
        ("blank.png", "blank"),
        ("blank.png", "blurred"),
        ("blank.png", "low_information"),
        ("small.png", "resolution"),
        ("long.png", "elongation"),
    }
    assert "short_side 200 is below 256" in {row["reason"] for row in dropped}
    assert warehouse.query("SELECT count(*) AS n FROM kept")["n"][0].as_py() == REAL
    rules = warehouse.query("SELECT photo_id, count(*) AS n FROM verdicts GROUP BY photo_id")["n"].unique()
    assert len(rules) == 1
    vectors = np.stack(warehouse.table(EMBEDDINGS).read(["vector"])["vector"].to_pylist())
    assert vectors.shape == (REAL + len(BAD), 776)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_again_nothing_is_written_and_a_new_threshold_decides_without_embedding(root: Path, capfd: Capture) -> None:
    warehouse = Warehouse.open(root)

    def versions() -> tuple[int, int]:
        assert salon(capfd, root, "embed").code == 0
        ended = salon(capfd, root, "filter", "--json")
        assert ended.code == 0
        kept.append(json.loads(ended.out)["counts"]["kept"])
        return warehouse.table(EMBEDDINGS).version, warehouse.table(VERDICTS).version

    kept: list[int] = []
    before = versions()
    assert versions() == before
    (root / "salon.toml").write_text("[filter.rules.resolution]\nat_least = 450\n")
    after = versions()
    assert after[0] == before[0]
    assert after[1] > before[1]
    assert kept == [REAL, REAL, 0]


def test_a_run_that_is_broken_off_loses_a_shard_at_most(
    root: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    whole = Path(shutil.copytree(root, root.parent / "whole"))
    assert salon(capfd, whole, "embed").code == 0
    (root / "salon.toml").write_text("[embed]\nshard = 5\n")
    insert, calls = Table.insert, []

    def dies_at_the_third(self: Table, rows: object) -> int:
        if self.spec is EMBEDDINGS:
            calls.append(1)
            if len(calls) == 3:
                raise OSError(errno.ENOSPC, "No space left on device")
        return insert(self, rows)

    with monkeypatch.context() as patch:
        patch.setattr(Table, "insert", dies_at_the_third)
        with pytest.raises(OSError, match="No space left"):
            embed(root=str(root))
    warehouse = Warehouse.open(root)
    assert warehouse.table(EMBEDDINGS).count() == 10
    ended = salon(capfd, root, "embed", "--json")
    assert json.loads(ended.out)["counts"]["new vectors"] == REAL + len(BAD) - 10
    assert warehouse.table(EMBEDDINGS).digest() == Warehouse.open(whole).table(EMBEDDINGS).digest()


def test_a_picture_that_cannot_be_read_costs_only_itself(root: Path, capfd: Capture) -> None:
    warehouse = Warehouse.open(root)
    victim = warehouse.table(PICTURES).read(["photo_id"])["photo_id"][0].as_py()
    warehouse.table(PICTURES).delete(f"photo_id = '{victim}'")
    warehouse.table(PICTURES).insert(
        [Picture(photo_id=victim, version=VERSION, width=1, height=1, bytes=b"\xff\xd8 damaged")]
    )
    ended = salon(capfd, root, "embed", "--json")
    assert ended.code == 0
    answer = json.loads(ended.out)
    assert answer["counts"]["pictures not readable"] == 1
    assert answer["counts"]["new vectors"] == REAL + len(BAD) - 1
    assert victim in answer["notes"][0]


def test_rules_that_cannot_be_evaluated_are_said_at_start(root: Path, capfd: Capture) -> None:
    for text, sentence in {
        '[filter.rules.memes]\nkind = "prompt"\nclasses = ["meme"]\nat_most = 0': "has no text half",
        '[filter.rules.odd]\nkind = "typicality"\nat_most = 8': "there are no vectors of descriptor@1",
        '[filter.rules.x]\nkind = "range"\nmeasure = "charm"\nat_least = 1': "'charm' is no measure",
        '[filter.rules.x]\nkind = "exemplars"\nlike = ["absent"]\nat_most = 1': "'absent' names no photos",
        '[filter.rules.x]\nkind = "range"\nmeasure = "blur"\nat_most = 0.5': "'blur' was not measured on any photo",
        '[filter.rules.x]\nkind = "head"\nfile = "l14-linearMSE.npz"\nat_least = 5': "it belongs to open_clip:ViT-L-14",
    }.items():
        (root / "salon.toml").write_text(text + "\n")
        ended = salon(capfd, root, "filter")
        assert ended.code == 2
        assert sentence in ended.err.replace("\n", " ")
        assert Warehouse.open(root).table(VERDICTS).count() == 0


def test_rules_on_vectors_that_do_not_fit_are_said_at_start(root: Path, tmp_path: Path, capfd: Capture) -> None:
    assert salon(capfd, root, "embed").code == 0
    np.savez(tmp_path / "mine.npz", weight=np.ones((1, 768)), bias=np.zeros(1))
    (tmp_path / "broken.npz").write_bytes(b"no arrays")
    head = '[filter.rules.x]\nkind = "head"\nmodel = "descriptor@1"\nat_least = 5\nfile = '
    embeddings = Warehouse.open(root).table(EMBEDDINGS)
    found = Warehouse.open(root).query("SELECT photo_id FROM sightings WHERE file_name = 'small.png'")
    embeddings.delete(f"photo_id = '{found['photo_id'][0].as_py()}'")
    for text, sentence in {
        f'{head}"{tmp_path}/mine.npz"': "takes vectors of 768 numbers, those of descriptor@1 have 776",
        f'{head}"{tmp_path}/broken.npz"': "the arrays cannot be read",
        '[filter.rules.x]\nkind = "exemplars"\nlike = ["small"]\nat_most = 1': "'small' has no vector of descriptor@1",
    }.items():
        (root / "salon.toml").write_text(text + "\n")
        ended = salon(capfd, root, "filter")
        assert ended.code == 2
        assert sentence in ended.err.replace("\n", " ")
    (root / "salon.toml").write_text(text + "\nif_possible = true\n")
    ended = salon(capfd, root, "filter", "--json")
    assert ended.code == 0
    assert any("Rule 'x' is not applied" in note for note in json.loads(ended.out)["notes"])
    (root / "salon.toml").write_text('[filter.rules.x]\nkind = "typicality"\nat_most = 50\n')
    notes = json.loads(salon(capfd, root, "filter", "--json").out)["notes"]
    assert "Rule 'x': 1 photos stay, there is no vector of descriptor@1." in notes


def test_two_models_are_two_spaces_and_rules_on_vectors_decide(root: Path, capfd: Capture) -> None:
    tiny = f"open_clip:local-dir:{real_data('open_clip', 'tiny-random')}"
    assert salon(capfd, root, "embed").code == 0
    ended = salon(capfd, root, "embed", "--embedder", tiny, "--json")
    assert ended.code == 0
    assert json.loads(ended.out)["counts"]["new vectors"] == REAL + len(BAD)
    models = Warehouse.open(root).query("SELECT model, len(any_value(vector)) AS n FROM embeddings GROUP BY model")
    assert sorted(models["n"].to_pylist()) == [32, 776]
    exemplar = sorted(real_data("oasis", "images").iterdir())[0].stem
    (root / "salon.toml").write_text(
        f'[embed]\nembedder = "{tiny}"\n'
        '[filter.rules.memes]\nkind = "prompt"\nclasses = ["meme", "gore"]\nat_most = 2\n'
        f'[filter.rules.alike]\nkind = "exemplars"\nlike = ["{exemplar}"]\nat_most = 0.9999\n'
        '[filter.rules.scene]\nkind = "cap"\nper = "scene"\nmost = 1\nsimilarity = -1\n'
    )
    assert salon(capfd, root, "filter").code == 0
    rows = Warehouse.open(root).query(
        "SELECT rule, count(*) FILTER (kept) AS kept, count(score) AS n, any_value(space) AS space FROM verdicts "
        "GROUP BY rule"
    )
    found = {row["rule"]: row for row in rows.to_pylist()}
    everything = REAL + len(BAD)
    assert (found["memes"]["kept"], found["memes"]["n"]) == (everything, everything)
    assert found["alike"]["kept"] == everything - 1
    assert found["memes"]["space"].startswith("open_clip:tiny-random@")
    # Everything is one scene: of those that all other rules let pass, one stays.
    assert Warehouse.open(root).query("SELECT count(*) AS n FROM kept")["n"][0].as_py() == 1


def test_vectors_of_other_weights_never_come_under_the_same_name(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from curation.embedding.descriptor import Descriptor

    embed(root=str(root))
    other = Descriptor().space.__class__(**{**vars(Descriptor().space), "weights_sha256": "ab" * 32})
    monkeypatch.setattr(Descriptor, "space", other)
    (root / "state" / "embed.json").unlink()  # as other code would make it forget; a patch is not seen
    with pytest.raises(IntegrityFault, match="spaces are never mixed"):
        embed(root=str(root))
    with pytest.raises(MissingWeights):
        embed(root=str(root), embedder="open_clip:local-dir:/nowhere")


def test_search_finds_the_photos_that_are_nearest(root: Path, capfd: Capture) -> None:
    assert salon(capfd, root, "search", "--like", "small").code == 2
    assert salon(capfd, root, "embed").code == 0
    ended = salon(capfd, root, "search", "--like", "small", "-n", "3", "--json")
    answer = json.loads(ended.out)
    rows = Warehouse.open(root).table(EMBEDDINGS).read(["photo_id", "vector"]).to_pylist()
    vectors = {row["photo_id"]: np.array(row["vector"]) for row in rows}
    asked = Warehouse.open(root).query("SELECT photo_id FROM sightings WHERE file_name = 'small.png'")
    own = asked["photo_id"][0].as_py()
    cosines = {photo: float(vectors[own] @ vector) for photo, vector in vectors.items() if photo != own}
    expected = sorted(cosines, key=lambda photo: -cosines[photo])[:3]
    assert [hit["photo_id"] for hit in answer["photos"]] == expected
    assert [hit["score"] for hit in answer["photos"]] == pytest.approx([cosines[p] for p in expected], abs=1e-6)
    page = Path(answer["report"]).read_text()
    assert page.count("data:image/jpeg") == 3
    assert salon(capfd, root, "search", "sunset over water").code == 2
    assert "no text half" in salon(capfd, root, "search", "sunset over water").err.replace("\n", " ")
    assert salon(capfd, root, "search").code == 2
    Warehouse.open(root).table(PICTURES).delete("true")
    assert salon(capfd, root, "search", "--like", "small", "-n", "3").code == 0
    assert "The pictures of 3 of them are lost" in Path(answer["report"]).read_text()


def vote(photo_id: str, number: int, value: float | None, role: TaskRole, status: RatingStatus) -> Rating:
    key = f"{photo_id}:{number}"
    return Rating(
        rating_id=key,
        identity=key,
        photo_id=photo_id,
        rater_id=f"r{number}",
        question="beauty",
        scale="acr-5",
        scale_low=1,
        scale_high=5,
        value=value,
        role=role,
        source="test",
        status=status,
        simulated=True,
        recorded_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_preview_shows_every_rule_and_writes_no_verdict(root: Path, capfd: Capture) -> None:
    ended = salon(capfd, root, "filter", "--preview", "--json")
    assert ended.code == 0
    answer = json.loads(ended.out)
    assert answer["counts"]["resolution would drop"] == 1
    assert answer["counts"]["would stay"] == REAL
    page = Path(answer["files"]["preview"]).read_text()
    for text in (
        "resolution",
        "not_a_photograph",
        "Dropped, nearest to the line",
        "small.png",
        "at_least\u00a0=\u00a0200",
        "(not known)",
    ):
        assert text in page
    assert Warehouse.open(root).table(VERDICTS).count() == 0
    assert salon(capfd, root, "filter", "--preview", "--audit").code == 2


def test_the_audit_counts_what_raters_would_have_kept(root: Path, capfd: Capture) -> None:
    assert salon(capfd, root, "filter").code == 0
    assert "nothing to audit yet" in salon(capfd, root, "filter", "--audit").err.replace("\n", " ")
    warehouse = Warehouse.open(root)
    ids = {
        row["file_name"]: row["photo_id"]
        for row in warehouse.query("SELECT file_name, photo_id FROM sightings").to_pylist()
    }
    kept = [photo for name, photo in ids.items() if name not in BAD]
    votes = [vote(photo, 0, 2 + k % 3, TaskRole.RATE, RatingStatus.COUNTED) for k, photo in enumerate(kept)]
    for number in range(3):
        votes.append(vote(ids["long.png"], number, 5, TaskRole.AUDIT, RatingStatus.COUNTED))
        votes.append(vote(ids["small.png"], number, 1, TaskRole.AUDIT, RatingStatus.COUNTED))
        refused = RatingStatus.CANNOT_RATE if number else RatingStatus.COUNTED
        votes.append(vote(ids["blank.png"], number, None if number else 5, TaskRole.AUDIT, refused))
    warehouse.table(RATINGS).insert(votes)
    ended = salon(capfd, root, "filter", "--audit", "--json")
    assert ended.code == 0
    counts = json.loads(ended.out)["counts"]
    assert counts["audited photos"] == 3
    assert counts["wrongly dropped by elongation"].startswith("1 of 1 (100%")
    assert counts["wrongly dropped by resolution"].startswith("0 of 1 (0%")
    assert counts["wrongly dropped by blank"].startswith("0 of 1")  # two of three could not rate it
    assert counts["limit of elongation for precision 0.9"] == "none reaches it"
    assert counts["limit of resolution for precision 0.9"] == "256"
    assert "simulated" in Path(json.loads(ended.out)["files"]["report"]).read_text().lower()
