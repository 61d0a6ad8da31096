"""Records of the rating half: batches, tasks, ratings, comparisons, raters, scores."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from schemas.columns import TableSpec, column


class BatchState(StrEnum):
    """How far a batch is."""

    CHOSEN = "chosen"
    """It can be looked at and changed."""
    SENT = "sent"
    """Raters may have seen it: it stays as it is."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A chosen set of photos to be rated under one protocol."""

    batch_id: str = column("name of the batch")
    protocol: str = column("name of the protocol in salon.toml")
    protocol_version: str = column("hash of the protocol's definition")
    selection: str = column("how it was chosen: the settings and seed, as JSON")
    design: str = column("shared_queue or project_per_rater, overlap, repeats: as JSON")
    photos: int = column("photos to be rated")
    state: str = column("a code of BatchState; only a chosen one can be changed")
    simulated: bool = column("its ratings are to come from simulated raters")
    created_at: datetime = column("when it was chosen", arrival=True)


@dataclass(frozen=True, kw_only=True)
class Task:
    """One picture to be shown to a rater."""

    task_key: str = column("opaque key, all that Label Studio sees of the task's identity")
    batch_id: str = column("the batch")
    photo_id: str = column("the photo shown; the left one of a pair")
    right_photo_id: str | None = column("the right photo of a pair", optional=True)
    frame_ids: list[str] | None = column("all photos of a burst task, in the order shown", optional=True)
    role: str = column("a code of TaskRole")
    slot: int | None = column(
        "number of the rater's place in the design, from 1; accounts take the places when a batch is sent; "
        "0 for the practice block of a shared queue, null in the queue itself",
        optional=True,
    )
    rater_id: str | None = column("the rater it is meant for, where known when chosen", optional=True)
    position: int | None = column("place in the rater's order, from 1; null in a shared queue", optional=True)
    repeat_of: str | None = column("task_key of the first showing", optional=True)
    inclusion_probability: float | None = column("probability with which the photo was chosen, 0 to 1", optional=True)
    stratum: str | None = column("the stratum it was chosen from", optional=True)
    selected_by: str = column("random, diverse, model, list, anchor, audit, ...")


@dataclass(frozen=True, kw_only=True)
class Project:
    """A project of Label Studio that Salon made: one for a shared queue, or one per rater."""

    server: str = column("the Label Studio server: a name that outlives its address")
    project_id: int = column("Label Studio's project")
    batch_id: str = column("the batch whose tasks it shows")
    slot: int | None = column(
        "the place in the design that it is for; 0 for practice, null for a shared queue", optional=True
    )
    rater_id: str | None = column("the rater it is for; null for a shared queue", optional=True)
    protocol: str = column("definition of the protocol as it was sent, as JSON")
    config: str = column("hash of the labelling configuration that it was made with")
    pictures: str = column("what the addresses of its pictures begin with")
    seen_until: datetime | None = column("its ratings are collected up to this moment of its clock", optional=True)


@dataclass(frozen=True, kw_only=True)
class SentTask:
    """Where a task lives in Label Studio."""

    task_key: str = column("the task")
    server: str = column("the Label Studio server: a name that outlives its address")
    project_id: int = column("Label Studio's project")
    labelstudio_task_id: int = column("Label Studio's task; a task that was lost there and sent again has two rows")
    sent_at: datetime = column("when it was sent", arrival=True)


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """What a model would answer, as it was shown to the raters of a task: their votes are not independent of it."""

    task_key: str = column("the task")
    value: float = column("the suggested answer to the protocol's overall question, in units of its scale")
    model: str = column("whose prediction it is: file name and the first 12 hex digits of the file's SHA-256")
    suggested_at: datetime = column("when it was recorded, before the task was sent", arrival=True)


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """A moment by the gateway's own clock: when a task was shown to a rater, or an answer came."""

    server: str = column("the Label Studio server")
    labelstudio_task_id: int = column("Label Studio's task")
    rater_id: str = column("pseudonym")
    event: str = column("shown or submitted")
    at: datetime = column("when, by the gateway's clock")
    device: str | None = column("viewport and pixel ratio, as JSON", optional=True)


@dataclass(frozen=True, kw_only=True)
class Rating:
    """One vote of one rater on one photo and question. Rows are never changed; corrections are new rows."""

    rating_id: str = column("hash of identity and content")
    identity: str = column("hash of source namespace, rater, photo, question, and time, position or occurrence")
    photo_id: str = column("the photo")
    rater_id: str = column("pseudonym: keyed hash over namespace and rater")
    question: str = column("what was asked, such as beauty or composition")
    scale: str = column("scale id, such as acr-5 or 1-7")
    scale_low: float = column("lowest value of the scale")
    scale_high: float = column("highest value of the scale")
    value: float | None = column("the vote in the scale's own units; null where there is none", optional=True)
    session_id: str | None = column("the rater's session", optional=True)
    batch_id: str | None = column("the batch", optional=True)
    task_key: str | None = column("the task", optional=True)
    protocol_version: str | None = column("hash of the protocol", optional=True)
    position: int | None = column("place in the rater's order, from 1", optional=True)
    role: str = column("a code of TaskRole")
    repeat_of: str | None = column("task_key of the first showing", optional=True)
    presented_at: datetime | None = column("when the picture was shown", optional=True)
    submitted_at: datetime | None = column("when the vote was cast", optional=True)
    seconds: float | None = column("response time", optional=True)
    device: str | None = column("viewport and pixel ratio, as JSON", optional=True)
    reason: str | None = column("why it cannot be rated, or the rater's short reason", optional=True)
    source: str = column("namespace the rater's name belongs to: a file's digest, or a Label Studio server")
    status: str = column("a code of RatingStatus as of this row; a later row of the same identity decides")
    simulated: bool = column("cast by a simulated rater, not by a person")
    recorded_at: datetime = column("when it came into the warehouse", arrival=True)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One judgement of a pair."""

    comparison_id: str = column("hash of identity and content")
    identity: str = column("hash of what makes it this judgement")
    left_id: str = column("photo on the left")
    right_id: str = column("photo on the right")
    outcome: str | None = column("a code of Outcome; null where there is none", optional=True)
    rater_id: str = column("pseudonym")
    question: str = column("what was asked")
    session_id: str | None = column("the rater's session", optional=True)
    batch_id: str | None = column("the batch", optional=True)
    task_key: str | None = column("the task", optional=True)
    protocol_version: str | None = column("hash of the protocol", optional=True)
    position: int | None = column("place in the rater's order, from 1", optional=True)
    role: str = column("a code of TaskRole")
    presented_at: datetime | None = column("when the pair was shown", optional=True)
    submitted_at: datetime | None = column("when it was judged", optional=True)
    seconds: float | None = column("response time", optional=True)
    device: str | None = column("viewport and pixel ratio, as JSON", optional=True)
    reason: str | None = column("why it cannot be judged", optional=True)
    source: str = column("namespace")
    status: str = column("a code of RatingStatus")
    simulated: bool = column("cast by a simulated rater")
    recorded_at: datetime = column("when it came into the warehouse", arrival=True)


@dataclass(frozen=True, kw_only=True)
class RejectedRating:
    """A row or annotation that is no rating, as it came, with the reason."""

    source: str = column("file, or Label Studio server and project")
    place: str = column("line of the file, or id of the annotation")
    content_id: str = column("hash of the raw row: the same place may later hold another row")
    reason: str = column("a code of RejectedReason")
    detail: str = column("one sentence: field, expected, got")
    raw: str = column("the row as it came, as JSON, without secrets")
    rejected_at: datetime = column("when", arrival=True)


@dataclass(frozen=True, kw_only=True)
class RaterProfile:
    """What a rater told of themselves; everything is optional and coarse."""

    rater_id: str = column("pseudonym")
    consent_version: str | None = column("version of the consent text", optional=True)
    consented_at: datetime | None = column("when", optional=True)
    age_band: str | None = column("such as 25-34", optional=True)
    gender: str | None = column("as the rater says it", optional=True)
    region: str | None = column("coarse region", optional=True)
    experience: str | None = column("experience with photography", optional=True)
    vision: str | None = column("normal, corrected, colour-deficient", optional=True)
    panel: str | None = column("where the rater came from; 'simulated' for simulated raters", optional=True)
    completion_code: str | None = column("given at the end of the study", optional=True)


@dataclass(frozen=True, kw_only=True)
class Rater:
    """What the model says of one rater."""

    rater_id: str = column("pseudonym")
    question: str = column("the question")
    scale: str = column("scale id")
    method: str = column("a code of ScoreMethod")
    screening: str = column("name of the screening configuration, 'none' for all raters")
    n: int = column("ratings counted")
    bias: float | None = column("mean deviation from the scores, scale units", optional=True)
    inconsistency: float | None = column("standard deviation around score and bias, scale units", optional=True)
    agreement: float | None = column("correlation with the mean of the others", optional=True)
    screened_out: bool = column("left out of the scores by the screening configuration")
    checks: str = column("figures of the checks (run length, modal share, drift, ...), as JSON")
    bias_low: float | None = column("lower end of the bias's 95 % interval; null without one", optional=True)
    bias_high: float | None = column("upper end of the bias's 95 % interval", optional=True)
    inconsistency_low: float | None = column("lower end of the inconsistency's 95 % interval", optional=True)
    inconsistency_high: float | None = column("upper end of the inconsistency's 95 % interval", optional=True)


@dataclass(frozen=True, kw_only=True)
class Score:
    """The score of one photo with its uncertainty."""

    photo_id: str = column("the photo")
    question: str = column("the question")
    scale: str = column("scale id")
    method: str = column("a code of ScoreMethod")
    screening: str = column("name of the screening configuration, 'none' for all raters")
    score: float = column("the score, scale units")
    ci_low: float | None = column("lower end of the 95 % interval; null with too few votes", optional=True)
    ci_high: float | None = column("upper end of the 95 % interval; null with too few votes", optional=True)
    n: int = column("ratings counted")
    sd: float | None = column("standard deviation of the ratings, ddof 1; null below two", optional=True)
    histogram: list[int] = column("votes per step of the scale, lowest first; ten bins for sliders")
    simulated: bool = column("at least one of the ratings is simulated")
    bimodality: float | None = column(
        "Sarle's bimodality coefficient, 0 to 1; above 5/9 votes tend to two camps; null below four votes",
        optional=True,
    )
    order_moved: bool | None = column(
        "method ordinal: its place among all differs from the release default's by more than that one's interval spans",
        optional=True,
    )
    panel_low: float | None = column(
        "lower end of the 95 % interval over resampled raters; null unless [score] rater_draws is set", optional=True
    )
    panel_high: float | None = column("upper end of the 95 % interval over resampled raters", optional=True)


@dataclass(frozen=True, kw_only=True)
class ReliabilityFigure:
    """How far the scores of one question can be trusted, overall or in one stratum."""

    question: str = column("the question")
    scale: str = column("scale id")
    screening: str = column("name of the screening configuration, 'none' for all raters")
    stratum: str = column("'all', or the stratum that the photos belong to")
    measure: str = column("icc1, icc1k, alpha_interval, split_half, leave_one_out, retest, ...")
    value: float | None = column("the figure; null where the votes cannot tell", optional=True)
    low: float | None = column("lower end of its 95 % interval", optional=True)
    high: float | None = column("upper end of its 95 % interval", optional=True)
    about: str = column("what the interval is over: resampled photos, raters, or random halves of the raters")
    photos: int = column("photos that it rests on")
    raters: int = column("raters that it rests on")
    votes: int = column("votes that it rests on")


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """From which votes and with which settings the scores of one question stand; written last."""

    question: str = column("the question")
    scale: str = column("scale id")
    scale_low: float = column("lowest value of the scale")
    scale_high: float = column("highest value of the scale")
    votes_digest: str = column("hash of the votes that counted")
    settings_digest: str = column("hash of the settings and of the version of the models")
    photos: int = column("photos scored")
    raters: int = column("raters whose votes counted")
    votes: int = column("votes that counted")
    components: int = column("connected parts of the design; scores of different parts share no scale")
    simulated: bool = column("at least one of the votes is simulated")
    notes: list[str] = column("sentences that whoever uses the scores should read")
    screening: str | None = column("the screening configuration with its limits, as JSON; null for none", optional=True)


SELECTED_BY_MODEL = "model"
"""In `selected_by`: a head asked for the photo. Such photos never enter a test split."""

BATCHES = TableSpec("batches", Batch, ("batch_id",), "Chosen batches.", derived=True)
TASKS = TableSpec("tasks", Task, ("task_key",), "Pictures to be shown.")
PROJECTS = TableSpec("projects", Project, ("server", "project_id"), "Projects of Label Studio.", derived=True)
SENT_TASKS = TableSpec(
    "sent_tasks", SentTask, ("task_key", "server", "labelstudio_task_id"), "Where tasks live in Label Studio."
)
SUGGESTIONS = TableSpec("suggestions", Suggestion, ("task_key",), "What a model suggested to raters.")
STAMPS = TableSpec(
    "stamps", Stamp, ("server", "labelstudio_task_id", "rater_id", "event", "at"), "What the gateway saw, and when."
)
RATINGS = TableSpec("ratings", Rating, ("rating_id",), "Every single vote.")
COMPARISONS = TableSpec("comparisons", Comparison, ("comparison_id",), "Every single comparison.")
REJECTED_RATINGS = TableSpec(
    "rejected_ratings", RejectedRating, ("source", "place", "content_id", "reason"), "What was no rating."
)
RATER_PROFILES = TableSpec("rater_profiles", RaterProfile, ("rater_id",), "What raters told.", derived=True)
RATERS = TableSpec(
    "raters", Rater, ("rater_id", "question", "scale", "method", "screening"), "Rater models.", derived=True
)
RELIABILITY = TableSpec(
    "reliability",
    ReliabilityFigure,
    ("question", "scale", "screening", "stratum", "measure"),
    "How far scores can be trusted.",
    derived=True,
)
SCORINGS = TableSpec("scorings", Scoring, ("question", "scale"), "What scores were made from.", derived=True)
SCORES = TableSpec("scores", Score, ("photo_id", "question", "scale", "method", "screening"), "Scores.", derived=True)
