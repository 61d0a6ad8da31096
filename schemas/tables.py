"""All tables of a warehouse, in the order in which photos pass through them."""

from __future__ import annotations

from schemas.columns import TableSpec
from schemas.photos import (
    BURSTS,
    COMPARED,
    DUPLICATE_PAIRS,
    DUPLICATES,
    EMBEDDINGS,
    FINGERPRINTS,
    PHOTOS,
    PICTURES,
    QUARANTINE,
    SIGHTINGS,
    VERDICTS,
)
from schemas.properties import PROPERTIES
from schemas.ratings import (
    BATCHES,
    COMPARISONS,
    PROJECTS,
    RATER_PROFILES,
    RATERS,
    RATINGS,
    REJECTED_RATINGS,
    RELIABILITY,
    SCORES,
    SCORINGS,
    SENT_TASKS,
    STAMPS,
    SUGGESTIONS,
    TASKS,
)
from schemas.releases import BLOCKLIST, MEMBERS, RELEASES

SCHEMA_VERSION = 1
"""Version of the warehouse's layout; a warehouse made by a newer one is refused."""

TABLES: tuple[TableSpec, ...] = (
    PHOTOS,
    SIGHTINGS,
    PICTURES,
    QUARANTINE,
    FINGERPRINTS,
    PROPERTIES,
    DUPLICATE_PAIRS,
    COMPARED,
    DUPLICATES,
    BURSTS,
    EMBEDDINGS,
    VERDICTS,
    BATCHES,
    TASKS,
    PROJECTS,
    SUGGESTIONS,
    SENT_TASKS,
    STAMPS,
    RATINGS,
    COMPARISONS,
    REJECTED_RATINGS,
    RATER_PROFILES,
    RATERS,
    SCORES,
    RELIABILITY,
    SCORINGS,
    RELEASES,
    MEMBERS,
    BLOCKLIST,
)
