"""Closed sets of codes, each written once. Their values are what stands in the tables."""

from __future__ import annotations

from enum import StrEnum


class QuarantineReason(StrEnum):
    """Why a file is not a photo, or what is odd about one that is."""

    UNREADABLE = "unreadable"
    """The file cannot be read at all (rights, vanished, read error)."""
    EMPTY = "empty"
    """No bytes."""
    UNSUPPORTED = "unsupported"
    """Not a picture format that Salon takes."""
    TRUNCATED = "truncated"
    """The picture data end too early."""
    CORRUPT = "corrupt"
    """The picture data cannot be decoded."""
    BOMB = "bomb"
    """Claims more pixels or bytes than the settings allow."""
    ANIMATED = "animated"
    """More than one frame; a still is wanted."""
    TOO_SMALL = "too_small"
    """Short side below 64 pixels: nothing can be measured."""
    TOO_LARGE = "too_large"
    """The file has more bytes than the settings allow."""
    CRASHED = "crashed"
    """The decoder's process died on it."""
    TIMEOUT = "timeout"
    """The decoder took longer than the settings allow."""
    UNSAFE_PATH = "unsafe_path"
    """A path, link or address that leads out of the source, or to a private address."""
    OPTED_OUT = "opted_out"
    """The server or the file says that it must not be used."""
    TAKEN_DOWN = "taken_down"
    """On the block list: this content, or a near copy of it, was taken down."""


class Relation(StrEnum):
    """How a photo of a duplicate group relates to the group's representative."""

    REPRESENTATIVE = "representative"
    EXACT = "exact"
    """Equal pixels in different bytes."""
    NEAR = "near"
    """The same picture recompressed, resized, retouched, watermarked, letterboxed, or with a rotation tag."""
    MIRROR = "mirror"
    TURNED = "turned"
    SEMANTIC = "semantic"
    """Close in an embedding's space, not the same picture."""


class SemanticPolicy(StrEnum):
    """What becomes of photos that are alike in the embedding without being one picture."""

    OFF = "off"
    """They are not looked for."""
    REPORT = "report"
    """They are found and shown; all of them go on."""
    LEAVE_OUT = "leave_out"
    """One of each group goes on, as with copies."""


class TaskRole(StrEnum):
    """Why a rater is shown a picture; never visible to the rater."""

    RATE = "rate"
    REPEAT = "repeat"
    ANCHOR = "anchor"
    TRAINING = "training"
    AUDIT = "audit"


class RatingStatus(StrEnum):
    """What became of a rating."""

    COUNTED = "counted"
    DUPLICATE = "duplicate"
    """The same rater gave the same photo another vote that nothing tells apart from the first."""
    SUPERSEDED = "superseded"
    """The rater corrected it later."""
    SKIPPED = "skipped"
    """The rater skipped the task; there is no value."""
    CANNOT_RATE = "cannot_rate"
    """The rater said that it cannot be rated, is not a photo, or reported it; there is no value."""
    UNFINISHED = "unfinished"
    """Cast in a session that was broken off, where the protocol leaves such sessions out."""
    WITHDRAWN = "withdrawn"
    """Deleted in the source, or withdrawn by the rater."""


class RejectedReason(StrEnum):
    """Why a row or annotation is no rating."""

    UNKNOWN_PHOTO = "unknown_photo"
    AMBIGUOUS_PHOTO = "ambiguous_photo"
    MISSING_PHOTO = "missing_photo"
    MISSING_RATER = "missing_rater"
    UNKNOWN_RATER = "unknown_rater"
    MISSING_SCORE = "missing_score"
    NOT_A_NUMBER = "not_a_number"
    OFF_SCALE = "off_scale"
    BAD_TIME = "bad_time"
    BAD_FIELD = "bad_field"
    DOUBLED_ROW = "doubled_row"
    """A row of a file that repeats an earlier one in every field that tells votes apart: taken once."""
    UNKNOWN_TASK = "unknown_task"
    UNKNOWN_CONTROL = "unknown_control"
    WRONG_PROTOCOL = "wrong_protocol"
    FORGED = "forged"
    EMPTY_RESULT = "empty_result"


class Outcome(StrEnum):
    """The result of one comparison."""

    LEFT = "left"
    RIGHT = "right"
    TIE = "tie"


class ScoreMethod(StrEnum):
    """How ratings became a score."""

    MOS = "mos"
    """Plain mean of the counted ratings, with a t interval."""
    P910 = "p910"
    """ITU-T P.910 Annex E, alternating projection."""
    TWO_WAY = "two_way"
    """Weighted two-way model with shrunk rater variances: the release default."""
    ORDINAL = "ordinal"
    """Cumulative model: the expected vote, in scale units, of a rater without shift."""
    BRADLEY_TERRY = "bradley_terry"
    """Log-odds of winning a comparison; its scale is called pairs."""
    JOINT = "joint"
    """Ratings and comparisons of one question on the ratings' scale, joined over photos that have both."""


class Split(StrEnum):
    """The splits of a release."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class Framing(StrEnum):
    """What of a picture a model sees."""

    MODEL = "model"
    """What the model's own preparation leaves: most crop the middle to a square."""
    WHOLE = "whole"
    """All of it, at its own shape up to 2 : 1; for networks that take any size."""


class Precision(StrEnum):
    """Arithmetic of a model's forward pass."""

    AUTO = "auto"
    """The fastest on this machine whose vectors keep cosine .999 to float32."""
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    """Weights and activations in bfloat16."""
    AUTOCAST = "autocast"
    """float32 weights; bfloat16 where torch's autocast thinks it safe."""
