"""How many faces the rule `faces` finds, on OASIS photos looked at one by one.

    python tests/benchmarks/bench_faces.py

`oasis_faces.csv` holds what was seen on the 154 photos of the category Person: `frontal`, a face that looks about
into the camera and is a tenth of the picture's height or more; `partial`, one in profile, covered, turned away in
part or smaller. The 73 that are not in it show no face to speak of. Photos of animals, objects and scenes were not
looked at: what is found there is counted as false, so that share is an upper bound.
"""

from __future__ import annotations

import csv
import sys
import time
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from curation.canonical import canonical_bytes
from curation.decoding.decode import decode
from curation.filtering.audit import wilson
from curation.filtering.faces import FaceFinder
from tests.conftest import real_data

LABELS = Path(__file__).parent / "oasis_faces.csv"


def main() -> None:
    """Print the share of photos with a finding, with its 95 % interval, for each kind of photo."""
    with LABELS.open(newline="") as stream:
        seen = {row["image_id"]: row["face"] for row in csv.DictReader(stream)}
    with real_data("oasis", "images.csv").open(newline="") as stream:
        images = list(csv.DictReader(stream))
    finder, spent = FaceFinder(), 0.0
    found: dict[str, list[bool]] = defaultdict(list)
    for row in images:
        data = real_data("oasis", row["file"]).read_bytes()
        picture = canonical_bytes(decode(data), data)
        start = time.process_time()
        any_face = finder.count(picture) > 0
        spent += time.process_time() - start
        person = row["category"] == "Person"
        found[seen.get(row["image_id"], "no face" if person else "animals, objects, scenes")].append(any_face)
    for kind, hits in sorted(found.items()):
        low, high = wilson(sum(hits), len(hits))
        share = sum(hits) / len(hits)
        print(f"{kind:26s} {sum(hits):3d} of {len(hits):3d}  {share:.2f} ({low:.2f} to {high:.2f})")
    print(f"{1e3 * spent / len(images):.0f} ms of processor time a photo")


if __name__ == "__main__":
    main()
