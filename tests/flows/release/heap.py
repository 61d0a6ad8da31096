"""A small warehouse as the stages before publish leave it, made of the record types: photos on disk and votes."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from flows.context import open_run
from flows.embedders import make_embedder
from flows.outcome import Outcome
from flows.release.make import make_version
from labeling.identity import content_id, identity, pseudonym
from schemas.codes import RatingStatus, Relation, ScoreMethod, TaskRole
from schemas.photos import (
    DUPLICATES,
    EMBEDDINGS,
    PHOTOS,
    SIGHTINGS,
    VERDICTS,
    Duplicate,
    Embedding,
    Photo,
    Sighting,
    Verdict,
)
from schemas.ratings import RATINGS, SCORES, Rating, Score
from warehouse.store import Warehouse

KEY = b"a key of tests that is long enough"
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def picture(seed: int, kind: str = "JPEG", size: tuple[int, int] = (96, 72)) -> bytes:
    """A file with smooth noise and a location in its EXIF."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)
    image = Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[0x0112] = 1 + seed % 8
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    exif[0x013B] = "An Artist"
    stream = io.BytesIO()
    image.save(stream, kind, exif=exif)
    return stream.getvalue()


class Heap:
    """Builds a warehouse step by step."""

    def __init__(self, root: Path, address: str = "") -> None:
        self.root = root
        self.warehouse = Warehouse.create(address or root / "wh")
        self.files = root / "photos"
        self.files.mkdir(parents=True, exist_ok=True)

    def photo(self, data: bytes, **changes: Any) -> str:
        """Put a file on disk and take it in; returns its id."""
        return self.take([data], **changes)[0]

    def take(self, files: Iterable[bytes], **changes: Any) -> list[str]:
        """Put files on disk and take them in, in one commit; returns their ids."""
        rows = [self._rows(data, **changes) for data in files]
        self.warehouse.table(PHOTOS).insert([photo for photo, _ in rows])
        self.warehouse.table(SIGHTINGS).insert([sighting for _, sighting in rows])
        return [photo.photo_id for photo, _ in rows]

    def _rows(self, data: bytes, **changes: Any) -> tuple[Photo, Sighting]:
        photo_id = hashlib.sha256(data).hexdigest()
        path = self.files / f"holiday-{photo_id[:8]}.jpg"
        path.write_bytes(data)
        with Image.open(io.BytesIO(data)) as image:
            width, height, kind, mode = *image.size, str(image.format).lower(), image.mode
            orientation = image.getexif().get(0x0112, 1)
        if orientation >= 5:
            width, height = height, width
        fields: dict[str, Any] = {
            "photo_id": photo_id, "uri": str(path), "source": str(self.files), "format": kind, "bytes": len(data),
            "width": width, "height": height, "mode": mode, "orientation": orientation, "has_gps": True,
            "has_gain_map": False, "warnings": [], "simulated": False, "ingested_at": NOON,
        }  # fmt: skip
        sighting = Sighting(uri=str(path), photo_id=photo_id, file_name=path.name, source="s", size=len(data),
                            modified_at=NOON, etag="", seen_at=NOON)  # fmt: skip
        return Photo(**{**fields, **changes}), sighting

    def photos(self, seeds: Iterable[int], **changes: Any) -> list[str]:
        return self.take([picture(seed) for seed in seeds], **changes)

    def keep(self, photo_ids: Iterable[str], kept: bool = True) -> None:
        rows = [
            Verdict(photo_id=p, rule="sharp@1", rules_version="1", kept=kept, score=1.0, threshold=0.5, reason="sharp")
            for p in photo_ids
        ]
        self.warehouse.table(VERDICTS).insert(rows)

    def group(self, representative: str, others: Sequence[str]) -> None:
        """A group of near copies, added to those there are."""
        group_id = f"d{min(representative, *others)[:8]}"
        rows = [
            Duplicate(photo_id=p, group_id=group_id, representative_id=representative, distance=0.0, method="phash64@1",
                      relation=Relation.REPRESENTATIVE if p == representative else Relation.NEAR, reason="larger")
            for p in (representative, *others)
        ]  # fmt: skip
        self.warehouse.table(DUPLICATES).insert(rows)

    def votes(
        self, photo_ids: Iterable[str], raters: int = 6, seed: int = 0, question: str = "beauty", **changes: Any
    ) -> None:
        """Every rater votes on every photo, one vote per photo and rater; a rater's session is a morning."""
        rows = []
        for place, photo_id in enumerate(photo_ids):
            level = int(photo_id[:4], 16) % 5
            for number in range(raters):
                rater = pseudonym(KEY, "study", f"rater {number}")
                value = float(min(7, max(1, level + 1 + (seed + number * 7 + int(photo_id[4:8], 16)) % 3)))
                when = NOON + timedelta(days=number, seconds=20 * place + seed)
                fields: dict[str, Any] = {
                    "photo_id": photo_id, "rater_id": rater, "question": question, "scale": "1-7", "scale_low": 1.0,
                    "scale_high": 7.0, "value": value, "session_id": f"{NOON:%Y}-{number}", "role": TaskRole.RATE,
                    "position": place + 1, "submitted_at": when, "seconds": 4.0, "source": "study",
                    "status": RatingStatus.COUNTED, "simulated": False, "recorded_at": NOON,
                }  # fmt: skip
                fields |= changes
                who = identity("study", rater, photo_id, question, str(when))
                rows.append(Rating(rating_id=content_id(who, fields["value"]), identity=who, **fields))
        self.warehouse.table(RATINGS).insert(rows)

    def score(self) -> None:
        """Plain means of the counted votes, and the same figures as the two-way model's."""
        votes: dict[tuple[str, str], list[float]] = {}
        simulated = set()
        for row in self.warehouse.query("SELECT * FROM counted_ratings").to_pylist():
            votes.setdefault((row["photo_id"], row["question"]), []).append(row["value"])
            if row["simulated"]:
                simulated.add(row["photo_id"])
        rows = [
            Score(photo_id=photo_id, question=question, scale="1-7", method=method, screening="none",
                  score=(mean := float(np.mean(cast))), ci_low=max(1.0, mean - 0.5), ci_high=min(7.0, mean + 0.5),
                  n=len(cast), sd=float(np.std(cast, ddof=1)) if len(cast) > 1 else None,
                  histogram=[cast.count(float(step)) for step in range(1, 8)], simulated=photo_id in simulated)
            for (photo_id, question), cast in sorted(votes.items())
            for method in (ScoreMethod.MOS, ScoreMethod.TWO_WAY)
        ]  # fmt: skip
        self.warehouse.table(SCORES).replace(rows)

    def embed(self, pictures: dict[str, bytes]) -> str:
        """Vectors of pictures by the settings' embedder; returns the model's name."""
        embedder = make_embedder(open_run(self.warehouse.location.root).settings.embed)
        vectors = embedder.embed(embedder.collate([embedder.prepare(data) for data in pictures.values()]))
        space = embedder.space
        rows = [
            Embedding(photo_id=photo_id, model=space.model, vector=vector.tolist(), weights_sha256=space.weights_sha256,
                      precision=space.precision, preprocessing=space.preprocessing)
            for photo_id, vector in zip(pictures, vectors, strict=True)
        ]  # fmt: skip
        self.warehouse.table(EMBEDDINGS).insert(rows)
        return space.model

    def photo_ids(self) -> list[str]:
        return [
            str(row["photo_id"]) for row in self.warehouse.query("SELECT photo_id FROM photos ORDER BY 1").to_pylist()
        ]

    def publish(self, name: str = "beauty", **how: Any) -> Outcome:
        return make_version(open_run(self.warehouse.location.root), name, **how)

    def made(self, name: str = "beauty", **how: Any) -> Path:
        """Publish, and return the version's folder."""
        return Path(self.publish(name, **how).files["release"])

    def settings(self, text: str) -> None:
        """Write `salon.toml`."""
        (self.root / "wh" / "salon.toml").write_text(text)

    def ready(self, count: int = 40, raters: int = 6, start: int = 0) -> list[str]:
        """Photos that are kept and rated."""
        photo_ids = self.photos(range(start, start + count))
        self.keep(photo_ids)
        self.votes(photo_ids, raters)
        self.score()
        return photo_ids


def rows(folder: Path, config: str = "data") -> list[dict[str, Any]]:
    """All rows of one configuration, in the order of its files."""
    found: list[dict[str, Any]] = []
    for path in sorted((folder / config).glob("*.parquet")):
        found += pq.read_table(path).to_pylist()
    return found
