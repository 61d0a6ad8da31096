"""Protocols: their versions, what Label Studio is told, and reading answers back."""

from __future__ import annotations

import math
from typing import Any
from xml.etree import ElementTree

import pytest
from pydantic import ValidationError

from labeling.protocols.answers import Answer, Refusal, pairs_of, parse
from labeling.protocols.catalogue import ACR_LABELS, built_in, catalogue, resolve
from labeling.protocols.markup import label_config, step_key
from labeling.protocols.texts import instructions, key_list
from schemas.codes import Outcome, RejectedReason
from schemas.errors import WrongUse
from schemas.protocols import Attribute, Problem, Protocol, ProtocolKind

PROTOCOLS = built_in()
ACR = PROTOCOLS["acr-5"]


def choice(name: str, *values: object, to: str = "image") -> dict[str, Any]:
    """A region as Label Studio's choices leave it."""
    return {"id": "x", "from_name": name, "to_name": to, "type": "choices", "value": {"choices": list(values)}}


def stars(name: str, value: object) -> dict[str, Any]:
    return {"id": "x", "from_name": name, "to_name": "image", "type": "rating", "value": {"rating": value}}


def number(name: str, value: object) -> dict[str, Any]:
    return {"id": "x", "from_name": name, "to_name": "image", "type": "number", "value": {"number": value}}


def refusal(protocol: Protocol, result: object) -> RejectedReason:
    found = parse(protocol, result)
    assert isinstance(found, Refusal), found
    assert len(found.detail) < 400
    return found.reason


# -- definitions -------------------------------------------------------------------------------------
def test_a_version_follows_the_content_and_nothing_else() -> None:
    same = Protocol(labels=ACR_LABELS, wording=ACR.wording)
    assert same.version == ACR.version
    for changes in (
        {"wording": "How ugly is this photo?"},
        {"high": 6, "labels": ()},
        {"consent": "Yes."},
        {"attributes": (Attribute.LIGHT,)},
        {"reasons": ("too dark",)},
        {"instructions": "Hurry."},
        {"language": "fr"},
    ):
        other = Protocol.model_validate(ACR.model_dump() | changes)
        assert other.version != ACR.version, changes


def test_versions_of_all_protocols_differ_and_stay_what_they_were() -> None:
    versions = {name: protocol.version for name, protocol in PROTOCOLS.items()}
    assert len(set(versions.values())) == len(versions)
    # Ratings carry these hashes: a change here must be meant.
    assert versions["acr-5"] == "60f021a4df93e22c"


def test_only_the_five_words_of_the_acr_scale_make_it_acr_5() -> None:
    assert ACR.scale.id == "acr-5"
    assert Protocol().scale.id == "1-5"
    assert PROTOCOLS["1-10"].scale.id == "1-10"
    assert PROTOCOLS["slider"].scale.id == "slider-0-100"


def test_a_declared_protocol_takes_over_what_it_does_not_say() -> None:
    declared = {
        "mine": Protocol(like="1-10", attributes=(Attribute.LIGHT,)),
        "acr-5": Protocol(like="acr-5", language="de"),
    }
    mine = resolve(declared, "mine")
    assert (mine.low, mine.high, mine.attributes) == (1, 10, (Attribute.LIGHT,))
    assert resolve(declared, "acr-5").labels == ACR_LABELS
    assert resolve(declared, "acr-5").language == "de"
    assert set(catalogue(declared)) == {*PROTOCOLS, "mine"}


def test_a_declared_protocol_that_does_not_fit_is_refused_in_one_sentence() -> None:
    with pytest.raises(WrongUse, match="no protocol 'acr5'; there are acr-5"):
        resolve({}, "acr5")
    with pytest.raises(WrongUse, match="a -> b -> a"):
        resolve({"a": Protocol(like="b"), "b": Protocol(like="a")}, "a")
    with pytest.raises(WrongUse, match=r"protocols\.a\].*'labels' needs 9 words"):
        resolve({"a": Protocol(like="acr-5", high=9)}, "a")
    with pytest.raises(ValidationError, match="at most 10"):
        Protocol(high=11)
    with pytest.raises(ValidationError, match="'low' must be below"):
        Protocol(low=5)
    with pytest.raises(ValidationError, match="taken by another control"):
        Protocol(question="problem")
    with pytest.raises(ValidationError, match="must differ"):
        Protocol(reasons=("dark", "dark"))


# -- what Label Studio is told -----------------------------------------------------------------------
@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_configuration_is_taken_by_label_studios_own_parser(name: str) -> None:
    from label_studio_sdk.label_interface.interface import LabelInterface

    protocol = PROTOCOLS[name]
    interface = LabelInterface(label_config(protocol))
    interface.validate()  # type: ignore[no-untyped-call]  # the SDK's
    assert {tag.name for tag in interface.objects} == set(protocol.picture_keys)
    questions = {question.name for question in protocol.questions} or {protocol.question}
    assert {tag.name for tag in interface.controls} == questions | {"problem"}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_no_key_means_two_things(name: str) -> None:
    tree = ElementTree.fromstring(label_config(PROTOCOLS[name]))
    keys = [element.attrib["hotkey"] for element in tree.iter() if "hotkey" in element.attrib]
    assert keys
    assert len(keys) == len(set(keys))


def test_the_tenth_step_has_the_key_0() -> None:
    assert [step_key(n) for n in range(10)] == list("1234567890")


def test_every_answer_that_a_rater_can_choose_is_read_back() -> None:
    for protocol in PROTOCOLS.values():
        tree = ElementTree.fromstring(label_config(protocol))
        for box in tree.iter("Choices"):
            for option in box.iter("Choice"):
                region = choice(box.attrib["name"], option.attrib["alias"], to=box.attrib["toName"])
                extra = [stars(name.value, 3) for name in protocol.attributes]
                assert isinstance(parse(protocol, [region, *extra]), Answer)


def test_wording_with_markup_in_it_stays_text() -> None:
    wording = 'Is "this" <b>beautiful</b> & true?'
    protocol = Protocol(wording=wording, consent="<script>x</script>")
    headers = [element.attrib["value"] for element in ElementTree.fromstring(label_config(protocol)).iter("Header")]
    assert headers == [wording]
    assert "<script>" not in instructions(protocol)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_instructions_hold_the_question_the_keys_and_the_consent(name: str) -> None:
    protocol = PROTOCOLS[name]
    text = instructions(protocol)
    assert protocol.wording in text
    assert protocol.consent in text
    assert protocol.consent_version in text
    assert all(meaning in text for _, meaning in key_list(protocol))


# -- reading answers back ----------------------------------------------------------------------------
def test_a_vote_on_a_category_scale_is_its_number() -> None:
    assert parse(ACR, [choice("beauty", "4")]) == Answer(values={"beauty": 4.0})
    assert parse(PROTOCOLS["1-10"], [choice("beauty", "10")]) == Answer(values={"beauty": 10.0})


def test_a_slider_takes_whole_numbers_within_its_ends() -> None:
    slider = PROTOCOLS["slider"]
    assert parse(slider, [number("beauty", 0)]) == Answer(values={"beauty": 0.0})
    assert parse(slider, [number("beauty", 100)]) == Answer(values={"beauty": 100.0})
    for wrong in (-1, 101, 50.5, math.nan, math.inf, 10**400):
        assert refusal(slider, [number("beauty", wrong)]) is RejectedReason.OFF_SCALE
    nonsense: object
    for nonsense in (True, "50", None, [50], {}):
        assert refusal(slider, [number("beauty", nonsense)]) is RejectedReason.NOT_A_NUMBER


def test_attributes_come_with_the_score() -> None:
    protocol = PROTOCOLS["acr-5-attributes"]
    full = [choice("beauty", "5"), *(stars(name.value, n) for n, name in enumerate(Attribute, start=1))]
    found = parse(protocol, full)
    assert isinstance(found, Answer)
    assert found.values == {
        "beauty": 5.0, "composition": 1.0, "light": 2.0, "color": 3.0, "subject": 4.0, "technical_quality": 5.0,
    }  # fmt: skip
    assert refusal(protocol, full[:-1]) is RejectedReason.MISSING_SCORE
    lenient = protocol.model_copy(update={"attributes_required": False})
    assert isinstance(parse(lenient, full[:-1]), Answer)


def test_a_problem_stands_alone_and_outweighs_a_score_beside_it() -> None:
    for problem in Problem:
        expected = Answer(problem=problem)
        assert parse(ACR, [choice("problem", problem.value)]) == expected
        assert parse(ACR, [choice("beauty", "1"), choice("problem", problem.value)]) == expected


def test_short_reasons_come_back_in_the_protocols_words() -> None:
    protocol = Protocol(reasons=("too dark", "nice light"))
    both = [choice("beauty", "2"), choice("reasons", "reason2", "reason1")]
    assert parse(protocol, both) == Answer(values={"beauty": 2.0}, reasons=("too dark", "nice light"))
    assert refusal(protocol, [choice("beauty", "2"), choice("reasons", "too dark")]) is RejectedReason.BAD_FIELD


def test_a_pair_has_three_outcomes_and_two_where_ties_are_off() -> None:
    pairwise = PROTOCOLS["pairwise"]
    for outcome in Outcome:
        found = parse(pairwise, [choice("beauty", outcome.value, to="left")])
        assert isinstance(found, Answer)
        assert pairs_of(found, ("a", "b")) == (("a", "b", outcome),)
    strict = pairwise.model_copy(update={"tie": False})
    assert refusal(strict, [choice("beauty", "tie", to="left")]) is RejectedReason.OFF_SCALE


def test_the_best_frame_beats_each_of_the_others() -> None:
    found = parse(PROTOCOLS["best-frame"], [choice("beauty", "2", to="frame1")])
    assert isinstance(found, Answer)
    assert pairs_of(found, ("a", "b", "c")) == (("a", "b", Outcome.RIGHT), ("b", "c", Outcome.LEFT))
    assert pairs_of(Answer(problem=Problem.REPORT), ("a", "b", "c")) == ()
    assert refusal(PROTOCOLS["best-frame"], [choice("beauty", "4", to="frame1")]) is RejectedReason.OFF_SCALE


GOOD = choice("beauty", "3")
FORGED: dict[str, tuple[object, RejectedReason]] = {
    "no list": ({"beauty": 3}, RejectedReason.BAD_FIELD),
    "nothing": (None, RejectedReason.BAD_FIELD),
    "a text": ("3", RejectedReason.BAD_FIELD),
    "an empty list": ([], RejectedReason.EMPTY_RESULT),
    "a region that is no object": (["3"], RejectedReason.BAD_FIELD),
    "a region without a control": ([{"value": {"choices": ["3"]}}], RejectedReason.UNKNOWN_CONTROL),
    "an unknown control": ([choice("ugliness", "3")], RejectedReason.UNKNOWN_CONTROL),
    "a control that is no word": ([GOOD | {"from_name": ["beauty"]}], RejectedReason.UNKNOWN_CONTROL),
    "an unknown control beside a good one": ([GOOD, choice("x", "3")], RejectedReason.UNKNOWN_CONTROL),
    "a control of another protocol": ([GOOD, stars("light", 3)], RejectedReason.UNKNOWN_CONTROL),
    "another picture": ([choice("beauty", "3", to="left")], RejectedReason.UNKNOWN_CONTROL),
    "no picture": ([{k: v for k, v in GOOD.items() if k != "to_name"}], RejectedReason.UNKNOWN_CONTROL),
    "another type": ([GOOD | {"type": "rectanglelabels"}], RejectedReason.BAD_FIELD),
    "no type": ([{k: v for k, v in GOOD.items() if k != "type"}], RejectedReason.BAD_FIELD),
    "a relation": ([{"type": "relation", "from_id": "a", "to_id": "b"}], RejectedReason.UNKNOWN_CONTROL),
    "the same control twice": ([GOOD, choice("beauty", "5")], RejectedReason.BAD_FIELD),
    "no value": ([{k: v for k, v in GOOD.items() if k != "value"}], RejectedReason.BAD_FIELD),
    "a bare value": ([GOOD | {"value": "3"}], RejectedReason.BAD_FIELD),
    "a value of another control": ([GOOD | {"value": {"rating": 3}}], RejectedReason.BAD_FIELD),
    "choices that are a word": ([GOOD | {"value": {"choices": "3"}}], RejectedReason.BAD_FIELD),
    "no choice": ([choice("beauty")], RejectedReason.BAD_FIELD),
    "two choices": ([choice("beauty", "3", "4")], RejectedReason.BAD_FIELD),
    "a choice that is a number": ([choice("beauty", 3)], RejectedReason.BAD_FIELD),
    "a choice that is nothing": ([choice("beauty", None)], RejectedReason.BAD_FIELD),
    "below the scale": ([choice("beauty", "0")], RejectedReason.OFF_SCALE),
    "above the scale": ([choice("beauty", "6")], RejectedReason.OFF_SCALE),
    "between the steps": ([choice("beauty", "3.5")], RejectedReason.OFF_SCALE),
    "the words in place of the number": ([choice("beauty", "3 Fair")], RejectedReason.OFF_SCALE),
    "a number with a blank": ([choice("beauty", " 3")], RejectedReason.OFF_SCALE),
    "digits of another script": ([choice("beauty", "٣")], RejectedReason.OFF_SCALE),
    "an endless word": ([choice("beauty", "9" * 100_000)], RejectedReason.OFF_SCALE),
    "an unknown problem": ([choice("problem", "boring")], RejectedReason.BAD_FIELD),
    "two problems": ([choice("problem", "report", "cannot_rate")], RejectedReason.BAD_FIELD),
    "an unknown problem beside a score": ([GOOD, choice("problem", "x")], RejectedReason.BAD_FIELD),
}


@pytest.mark.parametrize("kind", FORGED)
def test_a_forged_or_broken_annotation_is_refused_with_its_reason(kind: str) -> None:
    result, reason = FORGED[kind]
    assert refusal(ACR, result) is reason


def test_attributes_alone_are_no_vote() -> None:
    protocol = PROTOCOLS["acr-5-attributes"]
    assert refusal(protocol, [stars(name.value, 3) for name in Attribute]) is RejectedReason.MISSING_SCORE
    for wrong in (0, 6, 2.5, -3):
        some = [stars(name.value, wrong if name is Attribute.LIGHT else 3) for name in Attribute]
        assert refusal(protocol, [GOOD, *some]) is RejectedReason.OFF_SCALE


def test_kinds_that_compare_ask_nothing_that_becomes_a_rating() -> None:
    for protocol in PROTOCOLS.values():
        assert bool(protocol.questions) is not protocol.is_comparison
        assert protocol.is_comparison is (protocol.kind in (ProtocolKind.PAIRWISE, ProtocolKind.BEST_FRAME))
