"""The Label Studio configuration of a protocol.

Tried with Label Studio 1.23: a score is `Choices` with a key for each step, and an `alias` is what is stored, so
that wording and language never reach the tables. Choosing a problem hides the score and waives it
(``visibleWhen="choice-unselected"``); submitting neither is blocked by ``required``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from xml.etree import ElementTree

from schemas.codes import Outcome
from schemas.protocols import (
    PROBLEM_CONTROL,
    REASONS_CONTROL,
    STAR_STEPS,
    Problem,
    Protocol,
    ProtocolKind,
)

PROBLEM_WORDS: Mapping[Problem, str] = MappingProxyType(
    {
        Problem.CANNOT_RATE: "I cannot rate this",
        Problem.NOT_A_PHOTO: "Not a photo",
        Problem.REPORT: "Report: nobody should see this",
    }
)
PROBLEM_KEYS: Mapping[Problem, str] = MappingProxyType(
    {Problem.CANNOT_RATE: "q", Problem.NOT_A_PHOTO: "w", Problem.REPORT: "r"}
)
ATTRIBUTE_KEYS = "asdfg"
"""One key per attribute, in their order: each press adds a star."""

# Everything fits one screen: the picture takes what the controls leave over, is never cropped, and stands on the
# mid-grey that viewing conditions for assessments ask for. Answers are buttons of a size that a thumb meets. The
# question stands in the bar at the top, where Label Studio shows the project's name; panels and tools for drawing
# regions are of no use here and are hidden. Label Studio takes the sheet as it stands in the XML, where '>' would be
# an entity.
SHEET = Path(__file__).with_name("rating.css")

BARS = 134
"""Pixels that Label Studio's two bars and the gaps take on a screen."""

HEIGHT_OF_STARS = 62
HEIGHT_OF_A_ROW = 44


def label_config(protocol: Protocol) -> str:
    """The XML that a Label Studio project is made with."""
    root = ElementTree.Element("View", {"className": "salon"})
    ElementTree.SubElement(root, "Style").text = SHEET.read_text(encoding="utf-8")
    question = ElementTree.SubElement(root, "View", {"className": "salon-question"})
    ElementTree.SubElement(question, "Header", {"value": protocol.wording, "size": "4"})
    pictures = ElementTree.SubElement(root, "View", {"className": "salon-pictures"})
    for key in protocol.picture_keys:
        box = ElementTree.SubElement(pictures, "View", {"className": "salon-picture"})
        ElementTree.SubElement(box, "Image", _image(key, protocol))
    hidden = {"visibleWhen": "choice-unselected", "whenTagName": PROBLEM_CONTROL}
    answers = ElementTree.SubElement(root, "View", {"className": "salon-answers"} | hidden)
    _score(answers, protocol)
    _attributes(answers, protocol)
    _reasons(answers, protocol)
    _problem(ElementTree.SubElement(root, "View", {"className": "salon-problem"}), protocol)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode")


def step_key(index: int) -> str:
    """The key of a step, counted from 0: 1 to 9, then 0."""
    return str((index + 1) % 10)


def _image(key: str, protocol: Protocol) -> dict[str, str]:
    """A picture without tools: raters look, they do not edit; as high as the controls leave room on one screen."""
    taken = BARS
    taken += HEIGHT_OF_A_ROW if protocol.reasons else 0
    stars = f" - {HEIGHT_OF_STARS}px * var(--salon-star-rows)" if protocol.attributes else ""
    height = f"calc(100vh - {taken}px - var(--salon-row) - var(--salon-way-out){stars})"
    off = dict.fromkeys(("zoom", "zoomControl", "rotateControl", "brightnessControl", "contrastControl"), "false")
    return {
        "name": key,
        "value": f"${key}",
        "maxWidth": "100%",
        "maxHeight": height,
        "horizontalAlignment": "center",
        **off,
    }


def _score(parent: ElementTree.Element, protocol: Protocol) -> None:
    common = {"name": protocol.question, "toName": protocol.picture_keys[0], "required": "true"}
    if protocol.kind is ProtocolKind.SLIDER:
        ends = {"min": str(protocol.low), "max": str(protocol.high), "step": "1", "slider": "true"}
        row = ElementTree.SubElement(parent, "View", {"className": "salon-slider"})
        low, high = (protocol.labels[0], protocol.labels[-1]) if protocol.labels else ("", "")
        ElementTree.SubElement(row, "Header", {"value": f"{protocol.low} {low}".strip(), "size": "6"})
        ElementTree.SubElement(row, "Number", common | ends)
        ElementTree.SubElement(row, "Header", {"value": f"{protocol.high} {high}".strip(), "size": "6"})
        return
    message = {"choice": "single", "showInline": "true", "requiredMessage": "Please choose an answer."}
    box = ElementTree.SubElement(parent, "Choices", common | message)
    for alias, words, key in _steps(protocol):
        ElementTree.SubElement(box, "Choice", {"value": words, "alias": alias, "hotkey": key})


def _steps(protocol: Protocol) -> list[tuple[str, str, str]]:
    """What is stored, what is read, and the key, of every answer to the overall question."""
    if protocol.kind is ProtocolKind.PAIRWISE:
        middle = [(Outcome.TIE.value, "Equally good", "2")] if protocol.tie else []
        return [(Outcome.LEFT.value, "Left", "1"), *middle, (Outcome.RIGHT.value, "Right", "3")]
    if protocol.kind is ProtocolKind.BEST_FRAME:
        return [(str(n), f"Frame {n}", str(n)) for n in range(1, protocol.frames + 1)]
    values = range(protocol.low, protocol.high + 1)
    return [(str(v), _words(protocol, v), step_key(n)) for n, v in enumerate(values)]


def _words(protocol: Protocol, value: int) -> str:
    """A step as raters read it."""
    steps = protocol.high - protocol.low + 1
    if len(protocol.labels) == steps:
        return f"{value} {protocol.labels[value - protocol.low]}"
    if protocol.labels and value in (protocol.low, protocol.high):
        return f"{value} {protocol.labels[0 if value == protocol.low else -1]}"
    return str(value)


def _attributes(parent: ElementTree.Element, protocol: Protocol) -> None:
    if not protocol.attributes:
        return
    row = ElementTree.SubElement(parent, "View", {"className": "salon-attributes"})
    required = "true" if protocol.attributes_required else "false"
    for question, key in zip(protocol.questions[1:], ATTRIBUTE_KEYS, strict=False):
        box = ElementTree.SubElement(row, "View")
        ElementTree.SubElement(box, "Header", {"value": f"{question.wording} [{key}]", "size": "6"})
        ElementTree.SubElement(
            box,
            "Rating",
            {
                "name": question.name,
                "toName": protocol.picture_keys[0],
                "maxRating": str(STAR_STEPS),
                "hotkey": key,
                "required": required,
                "requiredMessage": f"Please rate: {question.wording}.",
            },
        )


def _reasons(parent: ElementTree.Element, protocol: Protocol) -> None:
    if not protocol.reasons:
        return
    head = {"name": REASONS_CONTROL, "toName": protocol.picture_keys[0], "choice": "multiple", "showInline": "true"}
    box = ElementTree.SubElement(parent, "Choices", head)
    for number, words in enumerate(protocol.reasons, start=1):
        ElementTree.SubElement(box, "Choice", {"value": words, "alias": f"reason{number}"})


def _problem(parent: ElementTree.Element, protocol: Protocol) -> None:
    head = {
        "name": PROBLEM_CONTROL,
        "toName": protocol.picture_keys[0],
        "choice": "single",
        "showInline": "true",
    }
    box = ElementTree.SubElement(parent, "Choices", head)
    for problem, words in PROBLEM_WORDS.items():
        choice = {"value": words, "alias": problem.value, "hotkey": PROBLEM_KEYS[problem]}
        ElementTree.SubElement(box, "Choice", choice)
