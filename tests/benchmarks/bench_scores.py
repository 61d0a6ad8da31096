"""Scores at a million votes: seconds (wall and processor) and memory; and beside sureal, where a Python has it.

``python tests/benchmarks/bench_scores.py`` runs by itself; ``--oasis FOLDER`` adds real votes, and ``--sureal PYTHON``
the ratios to sureal 0.9, which needs an environment of its own: ``python -m venv peer`` and
``peer/bin/pip install "numpy<2" "scipy<1.13" pandas matplotlib`` and ``peer/bin/pip install --no-deps sureal``.
``--only million,pairs,oasis,sureal`` chooses.
"""

from __future__ import annotations

import argparse
import csv
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from labeling.scoring.agreement import alpha
from labeling.scoring.intraclass import one_way, sums
from labeling.scoring.mos import mean_opinion_scores
from labeling.scoring.p910 import alternating_projection
from labeling.scoring.pairs import PairScores, Wins, bradley_terry, thurstone
from labeling.scoring.reliability import spearman, split_half
from labeling.scoring.two_way import two_way
from labeling.scoring.votes import Floats, VoteSet

PARTS = ("million", "pairs", "oasis", "sureal")


def timed(name: str, work: Callable[[], Any]) -> Any:
    """Run, and print wall and processor seconds: on a busy machine only the latter mean something."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{name}: {wall:.2f} s wall, {cpu:.2f} s processor, peak {memory:.2f} GB so far", flush=True)
    return result


def sparse_votes(photos: int = 100_000, raters: int = 5_000, per_photo: int = 10) -> tuple[VoteSet, Floats]:
    """Votes of random raters, with the truth; a million of them."""
    rng = np.random.default_rng(0)
    quality = rng.uniform(2, 6, photos)
    photo = np.repeat(np.arange(photos), per_photo)
    steps = np.cumsum(rng.integers(1, raters // per_photo, (photos, per_photo)), axis=1)  # no rater twice on a photo
    rater = (rng.integers(0, raters, photos)[:, None] + steps).ravel() % raters
    bias, spread = rng.normal(0, 0.5, raters), rng.uniform(0.5, 1.0, raters)
    vote = quality[photo] + bias[rater] + spread[rater] * rng.normal(size=len(photo))
    return VoteSet(photo, rater, np.clip(np.round(vote), 1, 7), photos, raters), quality


def random_pairs(photos: int = 50_000, judgements: int = 1_000_000) -> Wins:
    """Judgements among random pairs; a million of them, so that each photo is in about forty."""
    rng = np.random.default_rng(0)
    quality = rng.normal(size=photos) / 2
    left = rng.integers(0, photos, judgements)
    right = (left + rng.integers(1, photos, judgements)) % photos
    won = rng.random(judgements) < 1 / (1 + np.exp(quality[right] - quality[left]))
    return Wins.from_judgements(left, right, won, photos)


def million() -> None:
    """The release default with its intervals, and the figures of reliability."""
    votes, truth = sparse_votes()
    fit = timed("release default with intervals, 1,000,000 votes", lambda: two_way(votes))
    inside = (np.abs(fit.quality - truth - (fit.quality - truth).mean()) <= 1.96 * fit.se).mean()
    print(f"  rounds {fit.rounds}, exact {fit.exact}, coverage {inside:.3f}")

    def figures() -> list[object]:
        return [one_way(*sums(votes)), alpha(votes), split_half(votes, 100)]

    found = timed("ICC, alpha, split-half (100 halves), 1,000,000 votes", figures)
    print(f"  ICC(1) {found[0][0]:.3f}, alpha {found[1]:.3f}, split-half {found[2].value:.3f}")


def compared() -> None:
    """Bradley-Terry with errors of differences."""
    wins = random_pairs()
    scores = timed("Bradley-Terry, 1,000,000 comparisons of 50,000 photos", lambda: bradley_terry(wins, prior=0.01))
    first = np.random.default_rng(1).integers(0, wins.photos, 500)
    timed("  errors of 500 differences", lambda: scores.difference_errors(first, (first + 1) % wins.photos))


def oasis_votes(folder: Path) -> VoteSet:
    """The 92,073 votes of OASIS."""
    with (folder / "votes.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    photos, photo = np.unique([row["image_id"] for row in rows], return_inverse=True)
    raters, rater = np.unique([row["rater_id"] for row in rows], return_inverse=True)
    value = np.array([float(row["score"]) for row in rows])
    return VoteSet(photo, rater, value, len(photos), len(raters))


def oasis(folder: Path) -> None:
    """Real votes: the release default, and how far two halves of the raters agree."""
    votes = oasis_votes(folder)
    fit = timed(f"release default with intervals, OASIS ({len(votes.value):,} votes)", lambda: two_way(votes))
    half = timed("  split-half (200 halves)", lambda: split_half(votes))
    means = mean_opinion_scores(votes).score
    print(f"  rank correlation with the means {spearman(fit.quality, means):.4f}")
    print(f"  split-half {half.value:.4f} ({half.low:.4f} to {half.high:.4f})")


def full_votes(photos: int, raters: int) -> VoteSet:
    """Everybody votes on everything."""
    rng = np.random.default_rng(2)
    truth = rng.uniform(1.5, 4.5, (photos, 1)) + rng.normal(0, 0.4, raters)
    spread = rng.uniform(0.4, 0.8, raters)
    return VoteSet.from_matrix(np.clip(np.round(truth + spread * rng.normal(size=(photos, raters))), 1, 5))


@dataclass(frozen=True)
class Rival:
    """Votes, sureal's name of a model, and our way to the same scores."""

    votes: str
    model: str
    ours: Callable[[], Floats]
    given: dict[str, Any]


MODELS: tuple[tuple[str, Callable[[VoteSet], Floats]], ...] = (
    ("MosModel", lambda votes: mean_opinion_scores(votes).score),
    ("SubjectMLEModelProjectionSolver2", lambda votes: alternating_projection(votes).quality),
    ("MaximumLikelihoodEstimationModelContentOblivious", lambda votes: alternating_projection(votes).quality),
)
SLOW_CELLS = 400_000
"""Photos times raters above which sureal's belief propagation takes many minutes."""


def rivals(folder: Path | None) -> list[Rival]:
    """Every model that both have, on votes that both can take."""
    designs = {
        "79 photos x 26 raters, full": full_votes(79, 26),
        "300 photos, 100 raters, 10 votes each": sparse_votes(300, 100)[0],
        "2,000 photos, 500 raters, 10 votes each": sparse_votes(2_000, 500)[0],
        "10,000 photos, 500 raters, 10 votes each": sparse_votes(10_000, 500)[0],
    }
    if folder:
        designs["OASIS, 501 photos, 757 raters"] = oasis_votes(folder)
    found = []
    for title, votes in designs.items():
        given = {"photo": votes.photo, "rater": votes.rater, "value": votes.value, "photos": votes.photos}
        for name, ours in MODELS:
            if not (name.startswith("Maximum") and votes.photos * votes.raters > SLOW_CELLS):
                found.append(Rival(title, name, partial(from_arrays, votes, ours), given))
    wins = random_pairs(100, 10_000)
    table = {"wins": wins.graph().toarray()}
    judged = "10,000 comparisons of 100 photos"
    for name, fit in (("BradleyTerryMle", bradley_terry), ("ThurstoneMle", thurstone)):
        found.append(Rival(judged, f"{name}PairedCompSubjectiveModel", partial(from_pairs, wins, fit), table))
    return found


def from_arrays(votes: VoteSet, model: Callable[[VoteSet], Floats]) -> Floats:
    """Scores from three arrays, the check of the votes included."""
    return model(VoteSet(votes.photo, votes.rater, votes.value, votes.photos, votes.raters))


def from_pairs(wins: Wins, model: Callable[[Wins], PairScores]) -> Floats:
    """Scores with their standard errors, which sureal works out too."""
    found = model(wins)
    found.standard_errors()
    return found.score


def beside_sureal(python: str, folder: Path | None) -> None:
    """Ratios of wall seconds, model by model, with the largest difference of any score."""
    print(
        "votes | model: sureal s (its reader's share), Salon s (best of 3), ratio (without reader), largest difference"
    )
    for rival in rivals(folder):
        theirs = asked(python, rival)
        seconds = []
        for _ in range(3):
            began = time.perf_counter()
            scores = rival.ours()
            seconds.append(time.perf_counter() - began)
        mine, whole, read = min(seconds), float(theirs["seconds"]), float(theirs["read"])
        zero = (
            float((theirs["scores"] - scores).mean()) if "wins" in rival.given else 0.0
        )  # each has a gauge of its own
        apart = np.abs(theirs["scores"] - zero - scores).max()
        print(
            f"{rival.votes} | {rival.model}: {whole:.4f} ({read:.4f}), {mine:.5f}, "
            f"{whole / mine:,.0f} ({(whole - read) / mine:,.0f}), {apart:.1e}",
            flush=True,
        )


def asked(python: str, rival: Rival) -> dict[str, Any]:
    """What sureal answers, in a process of its own Python."""
    with tempfile.TemporaryDirectory() as folder:
        job, answer = Path(folder, "job.npz"), Path(folder, "answer.npz")
        np.savez(job, model=rival.model, **rival.given)
        peer = Path(__file__).with_name("peer_sureal.py")
        subprocess.run([python, "-W", "ignore", str(peer), str(job), str(answer)], check=True)
        with np.load(answer) as found:
            return dict(found)


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--oasis", type=Path, help="folder with the votes of OASIS")
    parser.add_argument("--sureal", help="a Python that can import sureal")
    parser.add_argument("--only", default=",".join(PARTS), help="parts to run, by commas")
    asked_for = parser.parse_args()
    parts = asked_for.only.split(",")
    if "million" in parts:
        million()
    if "pairs" in parts:
        compared()
    if "oasis" in parts and asked_for.oasis:
        oasis(asked_for.oasis)
    if "sureal" in parts and asked_for.sureal:
        beside_sureal(asked_for.sureal, asked_for.oasis)


if __name__ == "__main__":
    main()
