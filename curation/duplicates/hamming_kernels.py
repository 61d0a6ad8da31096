"""Compiled inner loops of the Hamming join. Words are uint64 with their bits in the plan's order.

All kernels release the interpreter lock, so that threads run them side by side, and are cached on disk.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic

SPREAD = np.uint64(0x9E3779B97F4A7C15)
"""An odd multiplier that carries the low bits into the high ones."""
compiled = numba.njit(nogil=True, cache=True, error_model="numpy")


@intrinsic
def _popcount(_context: Any, _word: Any) -> Any:
    """Number of ones of a uint64: one instruction, where numpy's function is a call."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


popcount: Any = _popcount


@compiled
def key_of(word: Any, shifts: Any, widths: Any) -> Any:
    """The fields of a word, put together."""
    key = np.uint64(0)
    for field in range(shifts.size):
        mask = (np.uint64(1) << widths[field]) - np.uint64(1)
        key = (key << widths[field]) | ((word >> shifts[field]) & mask)
    return np.intp(key)


@compiled
def permute(words: Any, tables: Any, out: Any) -> None:
    """Put the bits of each word in another order, by one table of 256 words for each of its bytes."""
    for i in range(words.size):
        word = words[i]
        moved = np.uint64(0)
        for byte in range(8):
            moved |= tables[byte, np.intp((word >> np.uint64(8 * byte)) & np.uint64(255))]
        out[i] = moved


@compiled
def count_keys(words: Any, shifts: Any, widths: Any, counts: Any) -> None:
    """Add up how many words there are of each key."""
    for i in range(words.size):
        counts[key_of(words[i], shifts, widths)] += 1


@compiled
def partition(words: Any, shifts: Any, widths: Any, places: Any, out: Any) -> None:
    """Write each word to the next place of its key; `places` moves on."""
    for i in range(words.size):
        key = key_of(words[i], shifts, widths)
        out[places[key]] = words[i]
        places[key] += 1


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

    Returns the number of bins. Key by key, not word by word, so that the compiler can use vectors.
    """
    bits = np.uint32(0)
    for i in range(words.size):
        keys[i] = np.uint32(0)
    for field in range(shifts.size):
        mask = (np.uint64(1) << widths[field]) - np.uint64(1)
        bits += np.uint32(widths[field])
        for i in range(words.size):
            part = np.uint32((words[i] >> shifts[field]) & mask)
            keys[i] = (keys[i] << np.uint32(widths[field])) | part
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
            near = 0
            for j in range(i + 1, end):
                near += popcount(word ^ words[j]) <= radius
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
def hash_key(word: Any, mask: Any, shift: Any) -> Any:
    """A key of 64 - `shift` bits made from the bits of `mask`: equal there, equal key."""
    return np.uint32(((word & mask) * SPREAD) >> shift)


@compiled
def sort_few(few: Any, mask: Any, shift: Any, starts: Any, out: Any) -> None:
    """Sort a few words by their key; those of key ``k`` are then ``out[starts[k]:starts[k + 1]]``."""
    keys = np.uint32(1) << np.uint32(np.uint64(64) - shift)
    for k in range(keys + 2):
        starts[k] = 0
    for i in range(few.size):
        starts[hash_key(few[i], mask, shift) + np.uint32(2)] += 1
    for k in range(2, keys + 2):
        starts[k] += starts[k - 1]
    for i in range(few.size):
        place = hash_key(few[i], mask, shift) + np.uint32(1)
        out[starts[place]] = few[i]
        starts[place] += 1


@compiled
def probe(many: Any, at: Any, few: Any, starts: Any, key: Any, rule: Any, masks: Any, needs: Any, found: Any) -> Any:
    """Report pairs of one of `many` words and one of a `few` that agree in the bits of one choice.

    Parameters
    ----------
    few, starts : arrays
        As `sort_few` leaves them.
    key : (2,) uint64
        Mask and shift of the keys.
    found : (room, 2) uint64
        Where pairs are written; there must be room for one word's partners.

    Returns
    -------
    tuple of int
        Pairs written, and the word to go on from.
    """
    mask, shift = key[0], key[1]
    radius, part, choice = rule[0], np.intp(rule[1]), rule[2]
    written = 0
    for i in range(at, many.size):
        word = many[i]
        place = hash_key(word, mask, shift)
        start, end = starts[place], starts[place + np.uint32(1)]
        if start == end:
            continue
        if written + np.intp(end - start) > found.shape[0]:
            return written, i
        for j in range(start, end):
            difference = word ^ few[j]
            if popcount(difference) <= radius and first_to_see(difference, part, choice, masks, needs):
                found[written, 0] = word
                found[written, 1] = few[j]
                written += 1
    return written, many.size
