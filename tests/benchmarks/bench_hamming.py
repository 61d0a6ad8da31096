"""All pairs within a Hamming radius, beside faiss in the same run: ``python tests/benchmarks/bench_hamming.py``.

Random words with a tenth planted 0 to 10 bits from another, and words drawn from the bit statistics of real
photos. Times include collapsing equal words and grouping the pairs. ``--large`` adds 10,000,000 words.

faiss answers a part of the queries (each against all words) and its time is scaled by their number, which is
linear for both indexes; ``--all-queries`` asks every query (six minutes on two cores). Its pairs are counted and
must be as many as ours.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from curation.duplicates.hamming import Distinct, Matches, Words, join, join_between
from tests.conftest import real_data

RADIUS = 7
FLAT_QUERIES = 20_000


def planted(count: int, seed: int = 0) -> Words:
    """Random words; a tenth are copies of others with 0 to 10 bits flipped."""
    rng = np.random.default_rng(seed)
    originals = rng.integers(0, 2**64, count - count // 10, dtype=np.uint64)
    return np.concatenate([originals, flipped(originals, count // 10, rng)])


def flipped(words: Words, count: int, rng: np.random.Generator) -> Words:
    """Copies of some words with up to 10 bits flipped."""
    copies = words[rng.integers(0, words.size, count)]
    distance = rng.integers(0, 11, count)
    for flips in range(10):
        bit = np.uint64(1) << rng.integers(0, 64, count, dtype=np.uint64)
        copies = np.where(distance > flips, copies ^ bit, copies)
    return copies


def like_photos(count: int, folder: Path) -> Words:
    """Words whose bits are as skewed as the hashes of real photos; one in twenty is one of a thousand alike."""
    from PIL import Image

    from curation.fingerprints import fingerprints

    files = sorted(folder.iterdir())
    hashes = np.array([list(fingerprints(Image.open(file).convert("RGB")).phash64) for file in files], np.uint8)
    ones = np.unpackbits(hashes, axis=1).mean(0)
    rng = np.random.default_rng(1)
    words = np.zeros(count, np.uint64)
    for place, share in enumerate(ones):
        words |= (rng.random(count) < share).astype(np.uint64) << np.uint64(63 - place)
    alike = rng.integers(0, count, count // 20)
    words[alike] = words[rng.integers(0, count, count // 20_000)[rng.integers(0, count // 20_000, alike.size)]]
    copies = rng.integers(0, count, count // 10)
    words[copies] = flipped(words, copies.size, rng)
    return words


def pairs_of(words: Words) -> tuple[Distinct, Matches]:
    """Equal words collapsed, and the pairs of the distinct ones."""
    distinct = Distinct.of(words)
    return distinct, Matches.joined(list(join(distinct.words, RADIUS)))


def ours(words: Words) -> str:
    """Pairs of distinct words, and groups of words with their equals."""
    distinct, found = pairs_of(words)
    graph = coo_array((np.ones(found.left.size, bool), (found.left, found.right)), shape=(distinct.words.size,) * 2)
    groups, _ = connected_components(graph, directed=False)
    return f"{distinct.words.size:,} distinct, {found.left.size:,} pairs, {groups:,} groups"


def timed(name: str, work: Callable[[], object]) -> float:
    """Run, print and return the seconds; the memory is the process' highest so far."""
    start = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{name:58s} {seconds:8.2f} s  peak {peak:5.2f} GB  {result}", flush=True)
    return seconds


def against_faiss(words: Words, seconds: float, step: int) -> None:
    """Both exact binary indexes of faiss on every `step`-th query, with the ratio to our `seconds`.

    The multi-hash index has 4 tables of 16 bits and flips one bit, which is exact at radius 7.
    """
    import faiss

    distinct, found = pairs_of(words)
    asked = np.arange(0, distinct.words.size, step)
    expected = int((found.left % step == 0).sum() + (found.right % step == 0).sum())
    codes = distinct.words.view(np.uint8).reshape(-1, 8)
    multi = faiss.IndexBinaryMultiHash(64, 4, 16)
    multi.nflip = 1
    for name, index in (("IndexBinaryMultiHash", multi), ("IndexBinaryFlat", faiss.IndexBinaryFlat(64))):

        def add(index: faiss.IndexBinary = index) -> str:
            index.add(codes)
            return ""

        build = timed(f"faiss {name}, {codes.shape[0]:,}: built", add)
        limits: list[int] = []

        def search(index: faiss.IndexBinary = index, limits: list[int] = limits) -> str:
            limits.append(int(index.range_search(codes[asked], RADIUS + 1)[0][-1]) - asked.size)
            return f"{limits[0]:,} neighbours"

        part = timed(f"faiss {name}, {asked.size:,} queries of {codes.shape[0]:,}", search)
        if limits[0] != expected:
            raise SystemExit(f"faiss {name} finds {limits[0]:,} neighbours, Salon {expected:,}")
        whole = build + part * codes.shape[0] / asked.size
        scaled = "" if step == 1 else " (scaled by queries)"
        print(f"  ratio: faiss {name} takes {whole / seconds:.0f} times Salon's time, {whole:.1f} s{scaled}")


def new_against_old(count: int, full: float) -> None:
    """One percent of new words against all old ones, which are kept in order; the share of `full` that it takes."""
    old, raw = np.unique(planted(count)), planted(count // 100, seed=2)
    raw[: raw.size // 10] = flipped(old, raw.size // 10, np.random.default_rng(3))
    list(join_between(old[:1_000_000], np.unique(raw[:10_000]), RADIUS))

    def pairs() -> str:
        new = np.unique(raw)
        across = sum(part.left.size for part in join_between(old, new, RADIUS))
        return f"{across:,} pairs, {sum(part.left.size for part in join(new, RADIUS)):,} among the new"

    part = timed(f"Salon, {count // 100:,} new among themselves and with {count:,} old", pairs)
    print(f"  ratio: new against old takes {part / full:.3f} of the full time")


def main() -> None:
    """Print times, ratios and peak memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="10,000,000 words as well (minutes)")
    parser.add_argument("--without-faiss", action="store_true", help="leave the peers out")
    parser.add_argument("--all-queries", action="store_true", help="ask faiss every query (six minutes)")
    chosen = parser.parse_args()
    ours(planted(100_000))  # compiled code is loaded, or made, outside the times
    photos = real_data("oasis", "images")
    million = planted(1_000_000)
    seconds = timed("Salon, 1,000,000, 10 % planted: pairs, groups", lambda: ours(million))
    skewed = like_photos(1_000_000, photos)
    timed("Salon, 1,000,000, bits as in real photos", lambda: ours(skewed))
    if not chosen.without_faiss:
        against_faiss(million, seconds, 1 if chosen.all_queries else 10)
    if chosen.large:
        large = planted(10_000_000)
        seconds = timed("Salon, 10,000,000, 10 % planted: pairs, groups", lambda: ours(large))
        large = like_photos(10_000_000, photos)
        timed("Salon, 10,000,000, bits as in real photos", lambda: ours(large))
        del large
    new_against_old(10_000_000 if chosen.large else 1_000_000, seconds)


if __name__ == "__main__":
    main()
