"""What raters read before they begin: instructions, keys, and what they agree to."""

from __future__ import annotations

from html import escape

from labeling.protocols.markup import PROBLEM_KEYS, PROBLEM_WORDS, step_key
from schemas.protocols import Protocol, ProtocolKind


def instructions(protocol: Protocol) -> str:
    """HTML for the instruction window of a Label Studio project; the project shows it before the first task."""
    keys = "".join(f"<li><b>{escape(key)}</b> {escape(meaning)}</li>" for key, meaning in key_list(protocol))
    return (
        f"<h3>{escape(protocol.wording)}</h3>"
        f"<p>{escape(protocol.instructions)}</p>"
        f"<p>Keys:</p><ul>{keys}</ul>"
        "<p>After about 25 minutes, take a break: your place is kept, on another device too.</p>"
        f"<h3>What you agree to</h3><p>{escape(protocol.consent)}</p>"
        f"<p><small>Protocol {protocol.version}, consent {protocol.consent_version}.</small></p>"
    )


def key_list(protocol: Protocol) -> list[tuple[str, str]]:
    """Every key that answers something, with its meaning, in reading order."""
    keys = [(PROBLEM_KEYS[problem], words) for problem, words in PROBLEM_WORDS.items()]
    return [*_score_keys(protocol), *keys, ("Ctrl + Enter", "submit and go on"), ("Ctrl + Space", "skip")]


def _score_keys(protocol: Protocol) -> list[tuple[str, str]]:
    if protocol.kind is ProtocolKind.STEPS:
        return [
            (f"{step_key(0)} … {step_key(protocol.high - protocol.low)}", f"your answer, {_ends(protocol)}"),
        ]
    if protocol.kind is ProtocolKind.SLIDER:
        return [("mouse or finger", f"drag the slider, {_ends(protocol)}")]
    if protocol.kind is ProtocolKind.PAIRWISE:
        middle = [("2", "equally good")] if protocol.tie else []
        return [("1", "the left photo"), *middle, ("3", "the right photo")]
    return [(f"1 … {protocol.frames}", "the best frame")]


def _ends(protocol: Protocol) -> str:
    if not protocol.labels:
        return f"from {protocol.low} (lowest) to {protocol.high} (highest)"
    return f"from {protocol.low} ({protocol.labels[0]}) to {protocol.high} ({protocol.labels[-1]})"
