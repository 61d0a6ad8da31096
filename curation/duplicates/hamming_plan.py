"""How to find all pairs within a Hamming radius: which bits must agree, and in which order to sort by them.

The pigeonhole principle, twice. The 64 bits are cut into parts and each part into blocks. Where two words
differ in at most ``r`` bits, and the parts' tolerances ``t`` sum up to ``r + 1 - parts``, then in at least one
part they differ in at most ``t`` bits, hence in at most ``t`` of its ``m`` blocks: ``m - t`` of them agree.
So it is enough to look at words that agree in ``m - t`` blocks of a part, for each choice of these blocks.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
import numpy.typing as npt

WORD = 64

# Nanoseconds, measured on one core at 1,000,000 and 10,000,000 words; only their ratios matter here.
SORT_NS = 5.5
COMPARE_NS = 0.2
PARTITION_NS = 5.5
MATCH_NS = 0.15

SMALLEST_BLOCK = 3
BUCKET = 1 << 15
"""Words in a bucket, about: small enough for a core's own cache."""
MOST_WEIGHED = 1000
"""Choices up to which every prefix is weighed that they could begin with."""
MOST_BINS = 13
"""Bits by which a bucket is sorted at most: the counters stay in the cache."""


@dataclass(frozen=True)
class Field:
    """A run of bits of a word."""

    shift: int
    width: int


@dataclass(frozen=True)
class Choice:
    """Blocks of one part that shall agree, by their numbers in the plan."""

    part: int
    blocks: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """Parts, blocks and choices for one radius.

    Parameters
    ----------
    radius : int
        Most bits in which a pair may differ.
    needs : tuple of int
        For each part, how many of its blocks must agree.
    blocks : tuple of Field
        All blocks, part after part; together they are the 64 bits, each once.
    order : tuple of int
        ``order[i]`` is the bit of the original word that stands at place ``i`` (0 is the lowest).
    """

    radius: int
    needs: tuple[int, ...]
    blocks: tuple[Field, ...]
    order: tuple[int, ...]

    @property
    def blocks_per_part(self) -> int:
        """Number of blocks of each part."""
        return len(self.blocks) // len(self.needs)

    @cached_property
    def choices(self) -> tuple[Choice, ...]:
        """Every set of blocks that shall agree."""
        size = self.blocks_per_part
        return tuple(
            Choice(part, blocks)
            for part, need in enumerate(self.needs)
            for blocks in combinations(range(part * size, (part + 1) * size), need)
        )

    def fields(self, choice: Choice) -> tuple[Field, ...]:
        """The bits of a choice."""
        return tuple(self.blocks[number] for number in choice.blocks)


def plan_join(radius: int, words: npt.NDArray[np.uint64]) -> Plan | None:
    """The cheapest plan for all pairs among `words`; None where comparing each with each is cheaper still."""
    price, plan = _cheapest(radius, words, lambda bits: SORT_NS + COMPARE_NS * words.size * math.exp2(-bits - 1))
    return plan if price < COMPARE_NS * words.size / 2 else None


def plan_probe(radius: int, few: npt.NDArray[np.uint64]) -> Plan:
    """The cheapest plan for all pairs of one of many words and one of a few."""
    return _cheapest(radius, few, lambda bits: PARTITION_NS / 2 + SORT_NS + MATCH_NS * few.size * math.exp2(-bits))[1]


def _cheapest(radius: int, words: npt.NDArray[np.uint64], cost: Callable[[float], float]) -> tuple[float, Plan]:
    """The plan with the lowest price in nanoseconds a word; `cost` is that of one choice, by the bits it tells apart.

    The bits of real hashes are skewed: a choice tells apart its share of their collision entropy, not of 64.
    """
    entropy = collision_entropy(words)
    told = float(entropy.sum())
    best: tuple[float, int, int] | None = None
    for parts in range(1, min(radius + 1, 4) + 1):
        for size in range(1, WORD // SMALLEST_BLOCK // parts + 1):
            needs = _needs(radius, parts, size)
            if min(needs) < 1:
                continue
            price = sum(math.comb(size, need) * cost(need * told / (parts * size)) for need in needs)
            if best is None or price < best[0]:
                best = (price, parts, size)
    if best is None:
        raise ValueError(f"radius {radius}: no plan; at most {WORD // SMALLEST_BLOCK - 1} bits can be joined")
    price, parts, size = best
    order, blocks = deal_bits(entropy, parts * size)
    return price, Plan(radius, _needs(radius, parts, size), blocks, order)


def collision_entropy(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """For each bit, lowest first, how well it tells words apart: 1 for a fair coin, 0 for a constant (float64, 64)."""
    sample = words[:: max(1, words.size // 100_000)]
    bits = range(WORD)
    ones = np.array([np.mean((sample >> np.uint64(bit)) & np.uint64(1)) if sample.size else 0.5 for bit in bits])
    return np.asarray(-np.log2(ones**2 + (1 - ones) ** 2))


def _needs(radius: int, parts: int, size: int) -> tuple[int, ...]:
    """Blocks that must agree in each part: `size` less its tolerance; tolerances sum up to radius + 1 - parts."""
    share, rest = divmod(radius + 1 - parts, parts)
    return tuple(size - share - (part < rest) for part in range(parts))


def deal_bits(entropy: npt.NDArray[np.float64], blocks: int) -> tuple[tuple[int, ...], tuple[Field, ...]]:
    """Deal the 64 bits to blocks so that blocks carry about equal entropy, whatever the words' statistics.

    Returns
    -------
    order : tuple of int
        The bit of the original word for each place.
    fields : tuple of Field
        The blocks, as runs of places.
    """
    # A block never takes many more than its share of the bits: dead bits would make it wide.
    widest = -(-WORD // blocks) + 1
    dealt: list[list[int]] = [[] for _ in range(blocks)]
    loads = np.zeros(blocks)
    for bit in np.argsort(-entropy, kind="stable"):
        open_blocks = [b for b in range(blocks) if len(dealt[b]) < widest]
        chosen = min(open_blocks, key=lambda b: (round(float(loads[b]), 6), len(dealt[b]), b))
        dealt[chosen].append(int(bit))
        loads[chosen] += entropy[bit]
    order: list[int] = []
    fields = []
    for bits in dealt:
        fields.append(Field(len(order), len(bits)))
        order += bits
    return tuple(order), tuple(fields)


@dataclass(frozen=True)
class Sweep:
    """One partition of all words, and the choices that are looked at inside its buckets.

    Parameters
    ----------
    prefix : tuple of Field
        Bits by which the words are partitioned.
    choices : tuple of Choice
        Choices whose bits begin with the prefix.
    bins : tuple of tuple of Field
        For each choice, the further bits by which a bucket is sorted.
    """

    prefix: tuple[Field, ...]
    choices: tuple[Choice, ...]
    bins: tuple[tuple[Field, ...], ...]


def sweeps(plan: Plan, words: int) -> tuple[Sweep, ...]:
    """The plan's choices, put together where they can share a prefix, so that sorting stays in the cache.

    The prefix that most of the choices left can begin with comes first, and so on: every partition costs a pass.
    """
    wanted = max(0, math.ceil(math.log2(max(1, words) / BUCKET)))
    ways = {choice: _ways(plan, choice, wanted) for choice in plan.choices}
    found = []
    while ways:
        shared = Counter(prefix for of_choice in ways.values() for prefix in of_choice)
        prefix = max(shared, key=lambda fields: (shared[fields], [-field.shift for field in fields]))
        members = [choice for choice, of_choice in ways.items() if prefix in of_choice]
        bins = tuple(_split(ways[choice][prefix], MOST_BINS, whole=False)[0] for choice in members)
        found.append(Sweep(prefix, tuple(members), bins))
        ways = {choice: of_choice for choice, of_choice in ways.items() if prefix not in of_choice}
    return tuple(found)


def _ways(plan: Plan, choice: Choice, wanted: int) -> dict[tuple[Field, ...], tuple[Field, ...]]:
    """Prefixes that a choice can begin with, of as many bits as its blocks in order give, and what is left."""
    first, rest = _split(plan.fields(choice), wanted, whole=True)
    least = sum(field.width for field in first)
    found = {first: rest}
    sizes = range(1, len(choice.blocks) + 1) if len(plan.choices) <= MOST_WEIGHED else ()
    for size in sizes:
        for lead in combinations(choice.blocks, size):
            blocks = lead + tuple(block for block in choice.blocks if block not in lead)
            prefix, left = _split(tuple(plan.blocks[block] for block in blocks), wanted, whole=True)
            if sum(field.width for field in prefix) >= least:
                found.setdefault(prefix, left)
    return found


def _split(fields: tuple[Field, ...], bits: int, *, whole: bool) -> tuple[tuple[Field, ...], tuple[Field, ...]]:
    """The first fields, up to about `bits` bits (whole fields are preferred, one bit over is fine), and the rest."""
    taken: list[Field] = []
    for number, field in enumerate(fields):
        left = bits - sum(f.width for f in taken)
        if left <= 0:
            return tuple(taken), fields[number:]
        if field.width <= left + (1 if whole and taken else 0):
            taken.append(field)
        elif whole and taken:
            return tuple(taken), fields[number:]
        else:
            part = Field(field.shift, left)
            rest = Field(field.shift + left, field.width - left)
            return (*taken, part), (rest, *fields[number + 1 :])
    return tuple(taken), ()
