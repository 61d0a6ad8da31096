"""Hard edits and look-alikes: what Salon and imagededup take for the same photo, by kind of edit.

    python tests/benchmarks/bench_edits.py
    python tests/benchmarks/bench_edits.py --video FILE.mp4 --keep FOLDER

Makes labelled pairs and prints the table of ``salon dedupe --evaluate`` for them. Copies are made by a seeded
generator from OASIS photos on which no limit was set (`calibrated` tells those). Different photos are every pair of
OASIS photos of the same theme, pictures that several generators made for the same prompt, photos seen from another
place (simulated), and, with ``--video``, frames of a film some time apart: a series as a camera makes it.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import cv2
import numpy as np
from PIL import Image

from flows.cli.dedupe import show_evaluation
from tests.benchmarks.hard_edits import COPIES, OTHERS, Edit, jpeg, mirrored
from tests.conftest import real_data

KNOWN_COPIES = frozenset({"Couple2", "Couple9"})
SECONDS_APART = (0.2, 1.0, 3.0)


@dataclass(frozen=True)
class Row:
    """A row of the file of labelled pairs."""

    file_a: str
    file_b: str
    label: str
    relation: str


def calibrated(place: int) -> bool:
    """Whether the photo at a place among OASIS' file names may have served to set the limits."""
    return place % 12 == 0 or place % 25 == 0


def copies(folder: Path, count: int, seed: int) -> Iterator[Row]:
    """Photos drawn by a seed, each with one copy or look-alike of every kind."""
    files = sorted(real_data("oasis", "images").iterdir())
    free = [file for place, file in enumerate(files) if not calibrated(place)]
    for file in np.random.default_rng(seed).choice(np.array(free, object), count, replace=False):
        with Image.open(file) as opened:
            photo = opened.convert("RGB")
        made = [
            *((name, edit, "near") for name, edit in COPIES.items()),
            ("mirrored", mirrored, "policy"),
            *((name, edit, "different") for name, edit in OTHERS.items()),
        ]
        for number, (name, edit, label) in enumerate(made):
            copy = folder / f"{file.stem}-{number}.jpg"
            copy.write_bytes(edited(edit, photo, [seed, number, *file.stem.encode()]))
            yield Row(str(file), str(copy), label, name)


def edited(edit: Edit, photo: Image.Image, seed: list[int]) -> bytes:
    """A photo's file after an edit."""
    return jpeg(edit(photo, np.random.default_rng(seed)).convert("RGB"))


def themes() -> Iterator[Row]:
    """Every pair of OASIS photos of the same theme: sharks and sharks, sunsets and sunsets."""
    of_theme = defaultdict(list)
    with real_data("oasis", "images.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            of_theme[row["theme"]].append((row["image_id"], str(real_data("oasis", row["file"]))))
    for photos in of_theme.values():
        for (a, file_a), (b, file_b) in itertools.combinations(photos, 2):
            if not KNOWN_COPIES.issuperset((a, b)):
                yield Row(file_a, file_b, "different", "OASIS photos of one theme")


def prompts() -> Iterator[Row]:
    """Every pair of pictures made for the same prompt."""
    of_prompt = defaultdict(list)
    for file in sorted(real_data("avt_ai", "images").iterdir()):
        of_prompt[file.stem.split("__")[-1]].append(str(file))
    for pictures in of_prompt.values():
        for a, b in itertools.combinations(pictures, 2):
            yield Row(a, b, "different", "generated for one prompt")


def frames(video: Path, folder: Path, every: float = 0.5) -> Iterator[Row]:
    """Frames of a film at every half second, with those that follow at `SECONDS_APART`."""
    film = cv2.VideoCapture(str(video))
    rate, count = film.get(cv2.CAP_PROP_FPS), int(film.get(cv2.CAP_PROP_FRAME_COUNT))
    wanted = [
        (round(start * rate), round((start + apart) * rate), apart)
        for apart in SECONDS_APART
        for start in np.arange(0, count / rate - apart, every)
    ]
    kept = {frame for a, b, _ in wanted for frame in (a, b)}
    files = {}
    for number in range(count):
        good, pixels = film.read()
        if good and number in kept:
            files[number] = folder / f"{video.stem}-{number}.png"
            cv2.imwrite(str(files[number]), pixels)
    for a, b, apart in wanted:
        if a in files and b in files:
            yield Row(str(files[a]), str(files[b]), "different", f"{video.stem}: frames {apart:g} s apart")


def main() -> None:
    """Write the labelled pairs and print the evaluator's tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--photos", type=int, default=40, help="photos of which copies are made")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--video", type=Path, nargs="*", default=[], help="films whose frames are a series")
    parser.add_argument("--keep", type=Path, help="a folder for the pairs and their pictures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        rows = [*copies(folder, options.photos, options.seed), *themes(), *prompts()]
        for video in options.video:
            rows += frames(video, folder)
        pairs = folder / "pairs.csv"
        with pairs.open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(("file_a", "file_b", "label", "relation"))
            writer.writerows((row.file_a, row.file_b, row.label, row.relation) for row in rows)
        show_evaluation(pairs, temporary, as_json=False)


if __name__ == "__main__":
    main()
