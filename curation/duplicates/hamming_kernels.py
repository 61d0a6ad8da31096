"""Compiled inner loops of the Hamming join. Words are uint64 with their bits in the plan's order.

All kernels release the interpreter lock, so that threads run them side by side, and are cached on disk.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic

CHUNK = 4096
"""Words whose keys are worked out at once: they stay in the cache."""
compiled = numba.njit(nogil=True, cache=True, error_model="numpy")


@intrinsic
def _popcount(_context: Any, _word: Any) -> Any:
    """Number of ones of a uint64: one instruction, where numpy's function is a call."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


popcount: Any = _popcount


@compiled
def keys_of(words: Any, shifts: Any, widths: Any, keys: Any) -> None:
    """The fields of each word, put together: field by field, so that the compiler can use vectors."""
    for i in range(words.size):
        keys[i] = np.uint32(0)
    for field in range(shifts.size):
        shift, width = shifts[field], np.uint32(widths[field])
        mask = (np.uint64(1) << widths[field]) - np.uint64(1)
        for i in range(words.size):
            keys[i] = (keys[i] << width) | np.uint32((words[i] >> shift) & mask)


@compiled
def permute(words: Any, tables: Any, out: Any) -> None:
    """Put the bits of each word in another order, by one table of 256 words for each of its bytes."""
    for i in range(words.size):
        word = words[i]
        moved = np.uint64(0)
        for byte in range(8):
            moved |= tables[byte, (word >> np.uint64(8 * byte)) & np.uint64(255)]
        out[i] = moved


@compiled
def count_keys(words: Any, shifts: Any, widths: Any, counts: Any) -> None:
    """Add up how many words there are of each key."""
    keys = np.empty(CHUNK, np.uint32)
    for start in range(0, words.size, CHUNK):
        chunk = words[start : start + CHUNK]
        keys_of(chunk, shifts, widths, keys)
        for i in range(chunk.size):
            counts[keys[i]] += 1


@compiled
def partition(words: Any, shifts: Any, widths: Any, places: Any, out: Any) -> None:
    """Write each word to the next place of its key; `places` moves on."""
    keys = np.empty(CHUNK, np.uint32)
    for start in range(0, words.size, CHUNK):
        chunk = words[start : start + CHUNK]
        keys_of(chunk, shifts, widths, keys)
        for i in range(chunk.size):
            place = places[keys[i]]
            out[np.uint64(place)] = chunk[i]
            places[keys[i]] = place + 1


@compiled
def first_to_see(difference: Any, part: Any, choice: Any, masks: Any, needs: Any) -> Any:
    """Whether this choice of this part is the first, in the plan's order, that brings a pair together.

    `difference` is the pair's XOR, `choice` the set of blocks as bits; each pair is reported by one choice only.
    """
    size = masks.size // needs.size
    for before in range(part):
        equal = 0
        for block in range(size):
            equal += (difference & masks[before * size + block]) == np.uint64(0)
        if equal >= needs[before]:
            return False
    wanted = 0
    for block in range(size):
        if (difference & masks[part * size + block]) == np.uint64(0):
            if not (choice >> np.uint64(block)) & np.uint64(1):
                return False
            wanted += 1
            if wanted == needs[part]:
                return True
    return False


@compiled
def sort_bucket(words: Any, shifts: Any, widths: Any, keys: Any, starts: Any, out: Any) -> Any:
    """Sort a bucket by the fields of one choice; bin ``b`` is then ``out[starts[b]:starts[b + 1]]``.

    Returns the number of bins.
    """
    keys_of(words, shifts, widths, keys)
    bits = np.uint32(0)
    for field in range(shifts.size):
        bits += np.uint32(widths[field])
    bins = 1 << bits
    for b in range(bins + 2):
        starts[b] = 0
    for i in range(words.size):
        starts[keys[i] + 2] += 1
    for b in range(2, bins + 2):
        starts[b] += starts[b - 1]
    for i in range(words.size):
        place = keys[i] + 1
        out[starts[place]] = words[i]
        starts[place] += 1
    return bins


@compiled
def count_near(words: Any, word: Any, radius: Any) -> Any:
    """How many words lie within the radius of one: eight at a time, where the machine has such vectors."""
    near = 0
    for i in range(words.size):
        near += popcount(words[i] ^ word) <= radius
    return near


@compiled
def scan_bins(words: Any, starts: Any, bins: Any, at: Any, rule: Any, masks: Any, needs: Any, found: Any) -> Any:
    """Report the pairs of each bin, from place `at` on, until the bucket or the room in `found` is at its end.

    Parameters
    ----------
    rule : (3,) uint64
        Radius, part, and the choice as a set of bits.
    found : (room, 2) uint64
        Where pairs are written; there must be room for one word's partners.

    Returns
    -------
    tuple of int
        Pairs written, and the place to go on from: the bucket's size at the end.
    """
    radius, part, choice = rule[0], np.intp(rule[1]), rule[2]
    written = 0
    for b in range(bins):
        end = np.intp(starts[b + 1])
        for i in range(max(at, np.intp(starts[b])), end - 1):
            word = words[i]
            near = count_near(words[i + 1 : end], word, radius)
            if near == 0:
                continue
            if written + near > found.shape[0]:
                return written, i
            for j in range(i + 1, end):
                difference = word ^ words[j]
                if popcount(difference) <= radius and first_to_see(difference, part, choice, masks, needs):
                    found[written, 0] = word
                    found[written, 1] = words[j]
                    written += 1
    return written, words.size


@compiled
def match_bins(
    words: Any,
    starts: Any,
    few: Any,
    few_starts: Any,
    bins: Any,
    at: Any,
    rule: Any,
    masks: Any,
    needs: Any,
    found: Any,
) -> Any:
    """Report pairs of one of the words and one of a few in the same bin, from the few's place `at` on.

    Parameters
    ----------
    words, starts, few, few_starts : arrays
        As `sort_bucket` leaves them. A bin's words stay in the cache while its few go over them, eight at a time.
    found : (room, 2) uint64
        Where pairs are written; there must be room for one word's partners.

    Returns
    -------
    tuple of int
        Pairs written, and the place among the few to go on from.
    """
    radius, part, choice = rule[0], np.intp(rule[1]), rule[2]
    written = 0
    for b in range(bins):
        start, end = np.intp(starts[b]), np.intp(starts[b + 1])
        if start == end:
            continue
        for j in range(max(at, np.intp(few_starts[b])), np.intp(few_starts[b + 1])):
            wanted = few[j]
            near = count_near(words[start:end], wanted, radius)
            if near == 0:
                continue
            if written + near > found.shape[0]:
                return written, j
            for i in range(start, end):
                difference = words[i] ^ wanted
                if popcount(difference) <= radius and first_to_see(difference, part, choice, masks, needs):
                    found[written, 0] = words[i]
                    found[written, 1] = wanted
                    written += 1
    return written, few.size
