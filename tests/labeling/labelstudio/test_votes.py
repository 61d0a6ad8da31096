from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from labeling.labelstudio.annotations import Submission
from labeling.labelstudio.votes import Setting, Vote, new_rows, places_in_order, row_id, votes_of, withdrawals
from labeling.protocols.answers import Answer
from labeling.protocols.catalogue import built_in
from schemas.codes import Outcome
from schemas.protocols import Problem
from schemas.ratings import Comparison, Rating
from tests.labeling.labelstudio.annotations import SENT, task


def submission(seconds: float, value: float | None = 4.0, rater: str = "r1", **answer: Any) -> Submission:
    values = {"beauty": value} if value else {}
    said = Answer(values=values, **answer) if value is not None or answer else None
    return Submission(f"annotation {seconds}", rater, SENT + timedelta(seconds=seconds), 2.0, said)


def setting(protocol: str = "acr-5") -> Setting:
    chosen = built_in()[protocol]
    return Setting("server", chosen, chosen.version, "batch-1", False, frozenset({"r9"}), SENT + timedelta(days=1))


def made(submissions: Sequence[Submission], protocol: str = "acr-5") -> list[Vote]:
    places = places_in_order("server", "batch-1", submissions, [])
    row = task(right_photo_id="b" * 64) if protocol == "pairwise" else task()
    return votes_of(setting(protocol), row, submissions, places)


def stand(*passes: Sequence[Submission]) -> tuple[list[Vote], dict[str, Vote]]:
    """All rows that some passes write, and the row that stands of each identity at the end."""
    rows: list[Vote] = []
    current: dict[str, Vote] = {}
    for submissions in passes:
        votes = made(submissions)
        fresh = new_rows(votes, current)
        gone = withdrawals([v for v in current.values() if v.identity not in {w.identity for w in votes}], SENT)
        rows += [*fresh, *gone]
        current |= {row.identity: row for row in [*fresh, *gone]}
    return rows, current


def test_of_two_answers_of_one_rater_the_first_counts_and_both_are_kept() -> None:
    votes = made([submission(20, 2.0), submission(10, 5.0), submission(15, 3.0, "r2")])
    assert [(v.rater_id, v.status) for v in votes] == [("r1", "counted"), ("r2", "counted"), ("r1", "duplicate")]
    assert len({v.identity for v in votes}) == 3


def test_a_task_that_was_skipped_and_rated_later_counts_once() -> None:
    votes = made([submission(10, None), submission(20, 4.0)])
    assert [v.status for v in votes] == ["skipped", "counted"]


def test_a_problem_has_no_value_and_names_its_reason() -> None:
    (vote,) = made([submission(10, None, problem=Problem.NOT_A_PHOTO, reasons=("blurred",))])
    assert isinstance(vote, Rating)
    assert (vote.status, vote.value, vote.reason) == ("cannot_rate", None, "not_a_photo; blurred")


def test_the_same_pass_again_writes_nothing() -> None:
    same = [submission(10), submission(20, 3.0, "r2")]
    rows, _ = stand(same, same, same)
    assert len(rows) == 2


def test_four_then_five_then_four_again_are_three_rows_of_one_vote() -> None:
    rows, current = stand([submission(10, 4.0)], [submission(10, 5.0)], [submission(10, 4.0)])
    assert len({row_id(row) for row in rows}) == 3
    (last,) = current.values()
    assert isinstance(last, Rating)
    assert last.value == 4.0
    assert row_id(last) != row_id(rows[0])


def test_a_vote_that_is_gone_is_withdrawn_once_and_counts_again_when_it_returns() -> None:
    rows, current = stand([submission(10)], [], [], [submission(10)])
    assert [row.status for row in rows] == ["counted", "withdrawn", "counted"]
    assert [row.status for row in current.values()] == ["counted"]


def test_when_the_first_answer_is_deleted_the_second_one_counts() -> None:
    _, current = stand([submission(10, 5.0), submission(20, 2.0)], [submission(20, 2.0)])
    assert sorted(row.status for row in current.values()) == ["counted", "withdrawn"]


def test_simulated_raters_are_marked_in_a_batch_of_people_too() -> None:
    votes = made([submission(10, 3.0, "r9"), submission(20)])
    assert [v.simulated for v in votes] == [True, False]


def test_positions_follow_the_clock_and_a_long_pause_begins_a_session() -> None:
    minutes = [0, 1, 2, 45, 46]
    found = places_in_order("server", "batch-1", [submission(60 * m) for m in minutes], [])
    places = [found[f"annotation {60 * m}"] for m in minutes]
    assert [p.position for p in places] == [1, 2, 3, 4, 5]
    sessions = [p.session_id for p in places]
    assert sessions[0] == sessions[1] == sessions[2] != sessions[3] == sessions[4]


def test_places_are_the_same_whether_collected_at_once_or_bit_by_bit() -> None:
    every = [submission(60.0 * m) for m in (0, 10, 50, 51)]
    whole = places_in_order("server", "batch-1", every, [])
    for cut in range(1, 4):
        earlier = [(s.rater_id, s.submitted_at) for s in every[:cut]]
        later = places_in_order("server", "batch-1", every[cut:], earlier)
        assert later == {s.place: whole[s.place] for s in every[cut:]}


def test_a_pair_is_the_same_vote_whichever_side_wins() -> None:
    left, right = (
        made([submission(10, None, outcome=outcome)], "pairwise") for outcome in (Outcome.LEFT, Outcome.RIGHT)
    )
    assert isinstance(left[0], Comparison)
    assert isinstance(right[0], Comparison)
    assert left[0].identity == right[0].identity
    assert (left[0].outcome, right[0].outcome) == ("left", "right")


@given(st.lists(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 5)), max_size=5), max_size=6))
def test_whatever_happens_in_between_what_stands_is_what_the_source_holds(passes: list[list[tuple[int, int]]]) -> None:
    latest: list[Submission] = []
    every = []
    for content in passes:
        latest = [submission(60.0 * moment, float(value)) for moment, value in dict(content).items()]
        every.append(latest)
    rows, current = stand(*every)
    standing = {row.identity: row for row in current.values() if row.status != "withdrawn"}
    wanted = {vote.identity: vote for vote in made(latest)}
    assert standing.keys() == wanted.keys()
    for identity, vote in wanted.items():
        stands = standing[identity]
        assert isinstance(stands, Rating)
        assert isinstance(vote, Rating)
        assert (stands.value, stands.status, stands.reason) == (vote.value, vote.status, vote.reason)
    assert len({row_id(row) for row in rows}) == len(rows)
