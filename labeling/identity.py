"""Who voted, and which vote it is: pseudonyms by keyed hash, and the identity of a rating.

A rating's identity is (source namespace, rater, photo, question, moment), where the moment is the time of
submission, else the position in the rater's order, else the number of the occurrence in the file. The same
identity with the same content is the same row; the same identity with other content is a correction.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import datetime

PSEUDONYM_DIGITS = 20
"""80 bits: among a million raters two share a pseudonym with probability below 1e-12."""
PSEUDONYM = re.compile(rf"\br[0-9a-f]{{{PSEUDONYM_DIGITS}}}\b")
"""How a pseudonym looks, of the warehouse or of a release."""


def pseudonym(key: bytes, namespace: str, rater: str) -> str:
    """The pseudonym of a rater: ``r`` and 20 hex digits of HMAC-SHA256 over namespace and name.

    Rater 3 of one namespace is not rater 3 of another.
    """
    message = f"{len(namespace)}:{namespace}{rater}".encode()
    return "r" + hmac.new(key, message, hashlib.sha256).hexdigest()[:PSEUDONYM_DIGITS]


def moment(submitted_at: datetime | None, position: int | None, occurrence: int) -> str:
    """What tells two votes of one rater on one photo apart, in the order of preference."""
    if submitted_at is not None:
        return f"at {submitted_at.isoformat()}"
    if position is not None:
        return f"position {position}"
    return f"occurrence {occurrence}"


def identity(namespace: str, rater_id: str, stimulus: str, question: str, when: str) -> str:
    """Hash of what makes a vote this vote; `stimulus` is a photo_id, or both of a pair."""
    return _hash(namespace, rater_id, stimulus, question, when)


def content_id(identity_of_vote: str, *content: object) -> str:
    """Hash of a vote's identity and content (value, outcome, status, reason): the key of its row."""
    return _hash(identity_of_vote, *(repr(part) for part in content))


def _hash(*parts: str) -> str:
    """SHA-256 over parts that cannot run into each other; 32 hex digits."""
    total = hashlib.sha256()
    for part in parts:
        total.update(f"{len(part)}:{part}".encode())
    return total.hexdigest()[:32]
