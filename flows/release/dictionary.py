"""What every column of a release means: for the card and for Croissant, from the tables' own documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from flows.release.wide import FIGURES, Axis
from schemas import codes
from schemas.columns import TableSpec
from schemas.photos import EMBEDDINGS, PHOTOS
from schemas.properties import PROPERTIES
from schemas.ratings import COMPARISONS, RATER_PROFILES, RATERS, RATINGS, TASKS
from schemas.settings.publish import Config

CODE = re.compile(r"a code of (\w+)")

FIGURE_MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "score": "the score by the release's method, scale units",
        "ci_low": "lower end of the score's 95 % interval",
        "ci_high": "upper end of the score's 95 % interval",
        "mos": "mean opinion score: plain mean of the counted ratings, scale units",
        "mos_ci_low": "lower end of the mean's 95 % t interval",
        "mos_ci_high": "upper end of the mean's 95 % t interval",
        "sd": "standard deviation of the counted ratings (ddof 1)",
        "n": "number of counted ratings",
        "histogram": "counted ratings per step of the scale, lowest first",
    }
)
OF_THE_RELEASE: Mapping[str, str] = MappingProxyType(
    {
        "split": "train, validation or test; a group is never split apart",
        "group_id": "photos that belong together: near copies, bursts, one photographer, one session; split by it",
        "rater_id": "pseudonym of the rater, the same in all configurations of this dataset",
    }
)
OWN: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "default": {
            "image": "the picture: bytes of the file without metadata, and PHOTO_ID.SUFFIX as its name",
            "simulated": "at least one of the ratings behind the figures was cast by a simulated rater",
            "first_version": "the version in which the photo was first released",
            "source_format": "format of the original file",
            "captured_year": "year in which it was taken, as the camera wrote it down",
            "made_from_another_photo": "made by a demonstration from another picture; not a photo that a person took",
            "burst_id": "photos taken within moments of each other by one camera",
            "burst_position": "place in the burst, in the order taken",
            "near_copies": "photos in its group of near copies, of which this one is released; 1: there are no others",
            "selected_by": "how it was chosen for rating: random, diverse, model, list, ...; null where not known",
            "format": "format of the published bytes",
            "image_kind": "original (metadata removed, no pixel touched) or rendition (converted)",
            "attribution": "whom to credit: the photographer, else the copyright notice of the file",
        },
        "ratings": {
            "rating_id": "name of the rating, of this dataset",
            "photo_id": "the photo that was shown; a near copy of the released one, where the two differ",
            "released_photo_id": "the photo of `default` that stands for it",
            "session_id": "the rater's session, named by this dataset",
            "trial": "number of the rater's vote on this photo and question; 2 and more are repeats",
            "repeat_of": "rating_id of the first showing, for a hidden repeat",
            "seconds": "response time in seconds",
            "session_seconds": "seconds since the rater's session began",
        },
        "raters": {"split": "everyone: raters have no split"},
        "pairs": {"comparison_id": "name of the comparison, of this dataset", "session_id": "the rater's session",
                  "seconds": "response time in seconds"},
        "embeddings": {"vector": "the photo's vector, of length 1"},
        "fewshot": {
            "episode_id": "name of the episode",
            "question": "the question of the votes",
            "scale": "their scale",
            "shots": "number of support votes",
            "support_photo_ids": "photos whose votes by this rater are known",
            "support_values": "these votes, scale units",
            "query_photo_ids": "photos whose votes are to be foreseen; none shares a group with a support photo",
            "query_values": "these votes, scale units",
        },
    }
)  # fmt: skip
TABLES: Mapping[str, Sequence[TableSpec]] = MappingProxyType(
    {
        "default": (PHOTOS, PROPERTIES, TASKS),
        "ratings": (RATINGS,),
        "raters": (RATERS, RATER_PROFILES),
        "pairs": (COMPARISONS,),
        "embeddings": (EMBEDDINGS,),
        "fewshot": (),
    }
)


def meanings(config: str, columns: Sequence[str], axes: Sequence[Axis]) -> Iterator[tuple[str, str]]:
    """Each column of a configuration with its meaning, unit and range; empty where it has none.

    Parameters
    ----------
    config : str
        Name of the configuration.
    axes : sequence of Axis
        The release's questions, whose figures stand side by side in `default` and `scores`.
    """
    config = "default" if config == Config.SCORES else config
    known = {c.name: c.doc for spec in reversed(TABLES[config]) for c in spec.columns}
    known |= {**OF_THE_RELEASE, **OWN[config]}
    if config == "default":
        for axis in axes:
            about = f" ({axis.question}, {axis.scale})" if len(axes) > 1 else ""
            known |= {axis.prefix + name: FIGURE_MEANINGS[name] + about for name in FIGURES}
    for name in columns:
        yield name, CODE.sub(_spelled, known.get(name, ""))


def _spelled(found: re.Match[str]) -> str:
    """A closed set by its values."""
    return "one of " + ", ".join(member.value for member in getattr(codes, found[1]))
