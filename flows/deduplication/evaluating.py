"""`salon dedupe --evaluate`: precision and recall on a file of labelled pairs, ours beside other programs'."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from curation.canonical import canonical_bytes
from curation.decoding.decode import decode
from curation.decoding.refusal import NotAPhoto
from curation.duplicates.evaluation import (
    Examined,
    LabelledPair,
    PairLabel,
    Score,
    bits_apart,
    look_at_files,
    nearest,
    score,
)
from curation.duplicates.looks import Look
from curation.fingerprints import fingerprints
from flows.deduplication.candidates import forms_wanted
from flows.deduplication.second_look import is_same
from flows.progress import track
from schemas.errors import BadInput, WrongUse
from schemas.settings import DedupeSettings

COLUMNS = ("file_a", "file_b", "label")


def read_pairs(path: Path) -> list[LabelledPair]:
    """Labelled pairs from a CSV with the columns file_a, file_b, label and, if it likes, relation.

    File names are relative to the CSV's folder.
    """
    if not path.is_file():
        raise WrongUse(f"{path}: there is no such file; --evaluate takes a CSV of labelled pairs.")
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        for name in COLUMNS:
            if name not in (reader.fieldnames or ()):
                raise BadInput("a column is missing", where=str(path), field=name, expected=", ".join(COLUMNS))
        pairs = []
        for row in reader:
            try:
                label = PairLabel((row["label"] or "").strip().lower())
            except ValueError:
                raise BadInput(
                    "an unknown label",
                    where=str(path),
                    line=reader.line_num,
                    field="label",
                    expected=", ".join(PairLabel),
                    got=repr(row["label"]),
                ) from None
            a, b = (str(path.parent / (row[name] or "")) for name in COLUMNS[:2])
            pairs.append(LabelledPair(a, b, label, row.get("relation") or ""))
    if not pairs:
        raise BadInput("there is no pair in it", where=str(path))
    return pairs


def examine(file: str) -> Examined:
    """Fingerprints and look of a file, as ingest would make them."""
    try:
        data = Path(file).read_bytes()
        decoded = decode(data, file)
    except OSError as error:
        raise BadInput("the file cannot be read", where=file, got=error.strerror or "") from error
    except NotAPhoto as error:
        raise BadInput(f"not a photo: {error}", where=file) from error
    prints = fingerprints(decoded.picture, (decoded.width, decoded.height))
    return Examined(prints, Look.of(canonical_bytes(decoded, data)))


def evaluate(path: Path, settings: DedupeSettings) -> list[Score]:
    """Score Salon, its fingerprints alone, and imagededup's hashes where that package is installed."""
    pairs = read_pairs(path)
    seen = cache(examine)
    forms = forms_wanted(settings)

    def salon(a: str, b: str) -> bool:
        one, other = seen(a), seen(b)
        if one.fingerprints.pixels == other.fingerprints.pixels:
            return True
        distance, form = nearest(one.fingerprints, other.fingerprints, forms)
        if distance > settings.radius:
            return False
        found = look_at_files(one, other, form)
        return is_same(found.measure, found.agreeing, settings)

    def fingerprint(a: str, b: str) -> bool:
        return bits_apart(seen(a).fingerprints.phash64, seen(b).fingerprints.phash64) <= settings.radius

    def equal(a: str, b: str) -> bool:
        return seen(a).fingerprints.phash64 == seen(b).fingerprints.phash64

    methods: list[tuple[str, Callable[[str, str], bool]]] = [
        ("Salon", salon),
        (f"pHash alone, at most {settings.radius} bits", fingerprint),
        ("equal pHash (cleanvision's rule)", equal),
        *imagededup_methods(),
    ]
    with track("pairs", len(methods) * len(pairs)) as progress:

        def counted(same: Callable[[str, str], bool]) -> Callable[[str, str], bool]:
            def decide(a: str, b: str) -> bool:
                progress.advance(1)
                return same(a, b)

            return decide

        return [score(name, pairs, counted(same)) for name, same in methods]


def imagededup_methods() -> Iterator[tuple[str, Callable[[str, str], bool]]]:
    """imagededup's PHash and DHash at their own default distance of 10 bits; none where it is not installed."""
    with suppress(ImportError):
        from imagededup.methods import DHash, PHash

        for name, kind in (("imagededup pHash", PHash), ("imagededup dHash", DHash)):
            hasher = kind(verbose=False)
            encode = cache(lambda file, hasher=hasher: hasher.encode_image(image_file=file))

            def same(a: str, b: str, encode: Callable[[str], str | None] = encode) -> bool:
                ours, theirs = encode(a), encode(b)
                return bool(ours and theirs and (int(ours, 16) ^ int(theirs, 16)).bit_count() <= 10)

            yield f"{name}, at most 10 bits", same
