"""64-bit words of which no two are near, millions of them: code words of the extended BCH code (64, 30, 14).

Fingerprints drawn at random come within the radius of each other now and then, and such a pair needs a picture to
be looked at. Words of a code with minimum distance 14 never do: every near pair in a synthetic table is planted.
(MacWilliams and Sloane 1977, The Theory of Error-Correcting Codes, chapter 7; generator polynomial: Lin and
Costello 2004, appendix C.)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]

GENERATOR = 0o157464165547
"""Of the BCH code (63, 30) that corrects six errors, as bits of a polynomial over GF(2)."""
MESSAGE_BITS = 30
LEAST_DISTANCE = 14


def code_words(messages: Words) -> Words:
    """The code word of each message below 2**30; different messages differ in at least 14 bits."""
    words = np.zeros(messages.shape, np.uint64)
    for bit in range(MESSAGE_BITS):
        there = (messages >> np.uint64(bit)) & np.uint64(1)
        words ^= there * np.uint64(GENERATOR << bit)
    parity = np.bitwise_count(words).astype(np.uint64) & np.uint64(1)
    return words | (parity << np.uint64(63))


def scattered(numbers: Words) -> Words:
    """Messages for numbers below 2**30, each another one, that do not follow each other."""
    return (numbers * np.uint64(0x2545F491) + np.uint64(0x1234567)) & np.uint64(2**MESSAGE_BITS - 1)
