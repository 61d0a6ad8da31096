"""What learning reaches on real votes, and how fast: python tests/benchmarks/bench_learning.py [quick] [PART…].

Parts: speed, heads, taste, loop, maps; all where none is named; `figures` is all but speed. `crop`: on vectors of what
the model's own preparation crops, else of whole pictures. `seeds=80` or `seeds=80:200`: runs of the loop. The protocols
are written in docs/learning.md. Figures need the real data (SALON_TEST_DATA); speed does not.
"""

from __future__ import annotations

import csv
import io
import os
import sys
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from curation.embedding.open_clip import Loading, OpenClipEmbedder, load_open_clip
from curation.embedding.specs import FolderSpec
from labeling.learning import distribution
from labeling.learning.comparison import Ballots, ceiling
from labeling.learning.fewshot import Ground, benchmark, draw_episodes
from labeling.learning.figures import mean_figure, pearson, spearman
from labeling.learning.heads import HeadKind, fit_head
from labeling.learning.loop import Arm, Rated, Strategy, saving, saving_at, simulate_loop
from labeling.learning.relevance import deletion_effect, edge_order, relevance_map
from labeling.learning.taste import (
    BASE,
    OWN_DIRECTIONS,
    features_of,
    find_directions,
    fit_taste,
    panel_of,
    photo_factors,
    with_own_taste,
)
from schemas.codes import Framing, Precision

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DATA = Path(os.environ.get("SALON_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
SHOTS = (0, 10, 50, 100)
SHARED = 40
"""Directions of kindred taste, as by default."""
FIGURES = {"heads", "taste", "loop", "maps"}


def main() -> None:
    """Print everything; with `quick` in fewer repetitions."""
    quick = "quick" in sys.argv
    seeds = _seeds(next((word[6:] for word in sys.argv if word.startswith("seeds=")), "4" if quick else "200"))
    parts = {word for word in sys.argv[1:] if "=" not in word} - {"quick", "figures", "crop"} or {
        *FIGURES,
        *({"speed"} if "figures" not in sys.argv else ()),
    }
    if "speed" in parts:
        speed()
    if not DATA.is_dir():
        print(f"no real data at {DATA}: figures left out")
        return
    if not parts & FIGURES:
        return
    framing = Framing.MODEL if "crop" in sys.argv else Framing.WHOLE
    print(f"pictures are seen as embed.framing = {framing} says")
    vectors, rater, photo, value = oasis(framing)
    if "heads" in parts:
        heads(vectors, rater, photo, value, repeats=1 if quick else 3)
    if "taste" in parts:
        taste(vectors, rater, photo, value, draws=1 if quick else 5)
    if "loop" in parts:
        loop(vectors, photo, value, seeds)
    if "maps" in parts:
        maps(tower(framing), vectors, photo, value, photos=8 if quick else 40)


def _seeds(text: str) -> range:
    """A number, or first:end."""
    first, _, end = text.rpartition(":")
    return range(int(first or 0), int(end))


def tower(framing: Framing) -> OpenClipEmbedder:
    """The small real tower."""
    folder = FolderSpec(DATA / "open_clip" / "mobilenet-v1-real")
    return load_open_clip(folder, Loading(device="cpu", precision=Precision.FLOAT32, framing=framing))


def oasis(framing: Framing) -> tuple[Floats, Ints, Ints, Floats]:
    """Vectors of the real tower, and votes as rater, photo and value."""
    rows = list(csv.DictReader((DATA / "oasis" / "images.csv").open()))
    cast = list(csv.DictReader((DATA / "oasis" / "votes.csv").open()))
    embedder = tower(framing)
    found = []
    for start in range(0, len(rows), 32):
        files = [(DATA / "oasis" / row["file"]).read_bytes() for row in rows[start : start + 32]]
        found.append(embedder.embed(embedder.collate([embedder.prepare(file) for file in files])))
    place = {row["image_id"]: k for k, row in enumerate(rows)}
    names = sorted({row["rater_id"] for row in cast})
    number = {name: k for k, name in enumerate(names)}
    return (
        np.concatenate(found).astype(np.float64),
        np.array([number[row["rater_id"]] for row in cast]),
        np.array([place[row["image_id"]] for row in cast]),
        np.array([float(row["score"]) for row in cast]),
    )


def heads(vectors: Floats, rater: Ints, photo: Ints, value: Floats, repeats: int) -> None:
    """Ten folds of photos: ridge, kernel head, and a softmax head on the same vectors."""
    n = len(vectors)
    mean = np.bincount(photo, value) / np.bincount(photo)
    histogram = np.zeros((n, 7))
    np.add.at(histogram, (photo, value.astype(int) - 1), 1)
    share = distribution.shares(histogram)
    gaps: dict[str, list[Floats]] = {}
    lines: dict[str, list[tuple[float, float, float]]] = {}
    for repeat in range(repeats):
        order = np.random.RandomState(repeat).permutation(n)
        score = {kind: np.zeros(n) for kind in ("linear", "kernel", "softmax")}
        guess = {kind: np.zeros((n, 7)) for kind in score}
        inside = {kind: np.full(n, np.nan) for kind in score}  # the softmax head has no intervals
        for fold in range(10):
            test = order[fold::10]
            train = np.setdiff1d(order, test)
            for kind in HeadKind:
                head = fit_head(vectors[train], mean[train], histogram[train], kind)
                found = head.predict(vectors[test])
                score[kind][test], guess[kind][test] = found.score, found.histogram
                inside[kind][test] = np.abs(found.score - mean[test]) <= 1.96 * found.sd
            guess["softmax"][test] = softmax_head(vectors[train], share[train], vectors[test])
            print(f"  fold {fold + 1} of repeat {repeat + 1}", file=sys.stderr, flush=True)
        score["softmax"] = guess["softmax"] @ np.arange(1.0, 8.0)
        for name, values in score.items():
            lines.setdefault(name, []).append(
                (pearson(values, mean), spearman(values, mean), float(inside[name].mean()))
            )
            gaps.setdefault(name, []).append(distribution.earth_mover(guess[name], share))
    half = ceiling(Ballots(photo, rater, value), n)
    print(f"heads, {repeats} x 10 folds over {n} photos; split-half reliability {half.pearson:.3f}")
    for name, found_lines in lines.items():
        r, rho, cover = np.mean(found_lines, axis=0)
        emd = np.mean(gaps[name], axis=0)
        print(
            f"  {name:8} r {r:.4f}  srcc {rho:.4f}  emd {emd.mean():.4f}  coverage {cover:.3f}  "
            f"explainable variance {r * r / half.pearson:.1%}"
        )
        if name != "softmax":
            print(f"    emd less softmax's: {mean_figure('gap', emd - np.mean(gaps['softmax'], axis=0))}")


def softmax_head(train: Floats, share: Floats, test: Floats) -> Floats:
    """A linear softmax head trained on the squared distance; its strength by a fifth of the training photos."""
    held = np.arange(len(train)) % 5 == 0
    misses = []
    strengths = (3e-6, 1e-5, 3e-5, 1e-4)
    centre = train.mean(axis=0)
    # Vectors turned onto the training photos' own directions: the same model, with fewer numbers to fit.
    axes = np.linalg.svd(train - centre, full_matrices=False)[2].T
    train, test = (train - centre) @ axes, (test - centre) @ axes
    for strength in strengths:
        weights, bias = distribution.fit_softmax(train[~held], share[~held], strength)
        guess = distribution.softmax(train[held] @ weights + bias)
        misses.append(float(distribution.earth_mover(guess, share[held]).mean()))
    weights, bias = distribution.fit_softmax(train, share, strengths[int(np.argmin(misses))])
    return distribution.softmax(test @ weights + bias)


def taste(vectors: Floats, rater: Ints, photo: Ints, value: Floats, draws: int) -> None:
    """Five folds of photos, 600 raters to learn from, the others to test; several draws of both."""
    n = len(vectors)
    unseen_task, seen_task = [], []
    for draw in range(draws):
        rng = np.random.default_rng(draw)
        order = rng.permutation(int(rater.max()) + 1)
        learn = np.isin(rater, order[:600])
        others = np.bincount(photo[learn], value[learn], minlength=n) / np.bincount(photo[learn], minlength=n)
        histogram = np.zeros((n, 7))
        np.add.at(histogram, (photo[learn], value[learn].astype(int) - 1), 1)
        panel = panel_of(rater[learn], photo[learn], value[learn], others)
        base = features_of(others, float(others.mean()), np.zeros((n, 0)))
        wide = np.column_stack([base, photo_factors(base, panel, n, 8)])
        known = Ground(others, wide, fit_taste(wide, panel, kindred=False), fit_taste(wide, panel), others)
        for test in np.array_split(rng.permutation(n), 5):
            unseen = np.zeros(n, bool)
            unseen[test] = True
            train = np.flatnonzero(~unseen)
            generic = others.copy()
            head = fit_head(vectors[train], others[train], histogram[train], HeadKind.KERNEL)
            generic[test] = head.score(vectors[test])
            directions = find_directions(vectors[train], OWN_DIRECTIONS)
            features = features_of(generic, float(generic[train].mean()), directions(vectors))
            shared = features[:, : BASE + SHARED]
            own = learn & ~unseen[photo]
            votes = panel_of(rater[own], photo[own], value[own], generic)
            kindred = with_own_taste(fit_taste(shared, votes), directions)
            ground = Ground(generic, features, fit_taste(shared, votes, kindred=False), kindred, others)
            for person in order[600:]:
                cast = rater == person
                for episode in draw_episodes(
                    str(person), photo[cast], value[cast], unseen, SHOTS, draw, f"draw {draw}"
                ):
                    unseen_task.append((ground, episode))
                    seen_task.append((known, episode))
    for name, pairs in (("votes of others on the photo unknown", unseen_task), ("known", seen_task)):
        print(f"personal taste, {draws} draws x 5 folds; {name}")
        for result in benchmark(pairs):
            named = f"{result.shots:3} shots {result.method:15} raters {result.raters:3}"
            print(f"  {named}  by fold {result.srcc}, over all folds {result.whole}")


def loop(vectors: Floats, photo: Ints, value: Floats, seeds: range) -> None:
    """Votes needed by each strategy over those that random choice needs."""
    rated = Rated(vectors, [value[photo == k] for k in range(len(vectors))])
    arms = [Arm(strategy, 10) for strategy in Strategy] + [Arm(Strategy.RANDOM, 4), Arm(Strategy.INFORMED, 4)]
    curves = simulate_loop(rated, arms, 2400, 150, seeds)
    print(f"the loop, seeds {seeds.start} to {seeds.stop - 1}: votes needed / votes N that random choice needs")
    for curve in curves:
        print(f"  {saving(curve, curves[0])}  {curve.arm.name}")
    print(f"  {saving(curves[-1], curves[-2])}  {curves[-1].arm.name}, over {curves[-2].arm.name}")
    for votes in (450, 600, 900, 1200, 1500, 1800, 2100, 2400):
        parts = "; ".join(f"{c.arm.strategy.value} {saving_at(c, curves[0], votes)}" for c in curves[1 : len(Strategy)])
        print(f"  N = {votes}, SRCC {np.interp(votes, curves[0].spent, curves[0].srcc.mean(axis=0)):.3f}: {parts}")


def maps(embedder: OpenClipEmbedder, vectors: Floats, photo: Ints, value: Floats, photos: int) -> None:
    """Sanity of relevance maps on photos that the kernel head was not trained on.

    Covering the 15 % most relevant patches against as many random ones and the strongest edges; and whether the map
    changes when the head is trained on scores that were dealt out at random (Adebayo 2018).
    """
    n = len(vectors)
    order = np.random.default_rng(0).permutation(n)
    train, test = order[photos:], order[:photos]
    histogram = np.zeros((n, 7))
    np.add.at(histogram, (photo, value.astype(int) - 1), 1)
    score = histogram @ np.arange(1.0, 8.0) / histogram.sum(axis=1)
    head = fit_head(vectors[train], score[train], histogram[train], HeadKind.KERNEL)
    dealt = np.random.default_rng(1).permutation(train)
    other = fit_head(vectors[train], score[dealt], histogram[dealt], HeadKind.KERNEL)
    rows = list(csv.DictReader((DATA / "oasis" / "images.csv").open()))
    moved, alike = [], []
    for k in test:
        picture = np.asarray(Image.open(DATA / "oasis" / rows[k]["file"]).convert("RGB"))
        seen: list[Floats] = []

        def embed(pictures: list[npt.NDArray[np.uint8]]) -> Floats:
            files = [_file(p) for p in pictures]
            batch = embedder.collate([embedder.prepare(file) for file in files])
            return np.asarray(embedder.embed(batch), dtype=np.float64)

        def ask(pictures: list[npt.NDArray[np.uint8]], seen: list[Floats] = seen) -> Floats:
            seen.append(embed(pictures))
            return head.score(seen[-1])

        found = relevance_map(picture, ask)
        replay = iter(seen[:])
        under_other = relevance_map(picture, lambda _, replay=replay: other.score(next(replay)))  # type: ignore[misc]
        alike.append(spearman(found.ravel(), under_other.ravel()))
        rng = np.random.default_rng(int(k))
        first = np.argsort(-np.abs(found).ravel(), kind="stable")
        random = np.mean([deletion_effect(picture, ask, rng.permutation(first), 0.15) for _ in range(4)])
        edges = deletion_effect(picture, ask, edge_order(picture), 0.15)
        moved.append((deletion_effect(picture, ask, first, 0.15), float(random), edges))
    table = np.array(moved)
    print(f"relevance maps of {photos} photos that were not trained on; 15 % of the patches covered")
    for name, column in zip(("most relevant", "random", "strongest edges"), table.T, strict=True):
        print(f"  {name:16} move the prediction by {mean_figure(name, column)}")
    print(f"  most relevant less random {mean_figure('gap', table[:, 0] - table[:, 1])}")
    print(f"  most relevant less edges  {mean_figure('gap', table[:, 0] - table[:, 2])}")
    print(f"  rank correlation with the map of a head of dealt-out scores {mean_figure('alike', np.array(alike))}")


def _file(picture: npt.NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG", compress_level=0)
    return out.getvalue()


def speed() -> None:
    """A head of 100,000 x 1,024, and a few-shot benchmark of 1,000 raters."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((100_000, 1024), dtype=np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    y = 3 + 10 * (x @ rng.standard_normal(1024).astype(np.float32) / 32).astype(np.float64)
    histogram = rng.integers(1, 20, (len(x), 5)).astype(np.float64)
    for kind in HeadKind:
        begun = time.perf_counter()
        fit_head(x, y, histogram, kind)
        print(f"{kind} head of 100,000 x 1,024: {time.perf_counter() - begun:.1f} s")
    del x
    begun = time.perf_counter()
    raters, photos, votes = 1000, 1000, 120
    directions = find_directions(rng.normal(size=(photos, 64)), OWN_DIRECTIONS)
    placed = directions(rng.normal(size=(photos, 64)))
    generic = rng.normal(4, 1, photos)
    rater = np.repeat(np.arange(raters), votes)
    photo = np.concatenate([rng.permutation(photos)[:votes] for _ in range(raters)])
    value = generic[photo] + rng.normal(size=len(photo))
    features = features_of(generic, 4.0, placed)
    panel = panel_of(rater, photo, value, generic)
    shared = features[:, : BASE + SHARED]
    kindred = with_own_taste(fit_taste(shared, panel), directions)
    ground = Ground(generic, features, fit_taste(shared, panel, kindred=False), kindred, generic)
    unseen = np.arange(photos) < 200
    pairs = [
        (ground, episode)
        for r in range(raters)
        for episode in draw_episodes(
            str(r), photo[r * votes : (r + 1) * votes], value[r * votes : (r + 1) * votes], unseen, (0, 10, 50), 0
        )
    ]
    results = benchmark(pairs)
    print(f"few-shot benchmark, {raters} raters, {results[-1].episodes} episodes: {time.perf_counter() - begun:.1f} s")


if __name__ == "__main__":
    main()
