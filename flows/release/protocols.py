"""What raters were asked, in which words: from the protocols that were sent, and from the settings for imports."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from pydantic import ValidationError

from flows.context import Run
from labeling.protocols.catalogue import catalogue
from schemas.protocols import STARS, Protocol
from schemas.settings.publish import PublishSettings
from warehouse.releases import gather

ASKED = ("question", "protocol_version")

SUGGESTED = """
    SELECT t.batch_id, s.model, count(DISTINCT s.task_key) AS tasks, any_value(b.tasks) AS of_tasks,
           count(r.rating_id) AS answers, count(r.rating_id) FILTER (r.value = s.value) AS accepted
    FROM suggestions s JOIN tasks t USING (task_key)
    JOIN (SELECT batch_id, count(*) AS tasks FROM tasks GROUP BY batch_id) b ON b.batch_id = t.batch_id
    LEFT JOIN (SELECT task_key, rating_id, value FROM counted_ratings WHERE scale <> $1) r USING (task_key)
    WHERE s.task_key IN (SELECT task_key FROM sent_tasks)
    GROUP BY t.batch_id, s.model ORDER BY t.batch_id, s.model
"""
"""Suggestions that were sent, and the counted answers to the question they are about: attributes are asked in stars."""


def protocols_of(run: Run, settings: PublishSettings, tables: dict[str, pa.Table]) -> list[dict[str, Any]]:
    """A row per question and protocol of the release's ratings and pairs, with the words that raters read.

    Returns
    -------
    list of dict
        question, scale, protocol_version (None for imports), answers (their number), and as far as they are known
        kind, wording, labels, instructions, language, attributes.
    """
    known = _known(run)
    found = []
    for name, columns in (("ratings", ("question", "scale", "protocol_version")), ("pairs", ASKED)):
        if name not in tables or not tables[name].num_rows:
            continue
        counted = tables[name].group_by(list(columns)).aggregate([([], "count_all")])
        for row in counted.sort_by([(column, "ascending") for column in columns]).to_pylist():
            version = row["protocol_version"]
            about = {"question": row["question"], "scale": row.get("scale"), "protocol_version": version}
            about |= {"answers": row["count_all"], **_words(known.get(version), row["question"], settings)}
            found.append(about)
    return found


def _known(run: Run) -> dict[str | None, Protocol]:
    """Protocols by version: those of the settings, and those that were sent whatever became of the settings."""
    found: dict[str | None, Protocol] = {p.version: p for p in catalogue(run.settings.study.protocols).values()}
    for definition in gather.sent_protocols(run.warehouse):
        try:
            protocol = Protocol.model_validate(definition)
        except ValidationError:  # it was sent by another Salon, whose protocols have other fields
            continue
        found[protocol.version] = protocol
    return found


def _words(protocol: Protocol | None, question: str, settings: PublishSettings) -> dict[str, Any]:
    if protocol is None:
        return {"wording": settings.wordings[question]} if question in settings.wordings else {}
    own = question == protocol.question
    wording = next((q.wording for q in protocol.questions if q.name == question), protocol.wording)
    return {
        "kind": protocol.kind.value if own else "stars",
        "wording": wording,
        "labels": list(protocol.labels) if own else [],
        "instructions": protocol.instructions,
        "language": protocol.language,
        "tie": protocol.tie if protocol.is_comparison else None,
    }


def filter_rules(run: Run) -> list[dict[str, Any]]:
    """The rules that decided which photos were kept, with the thresholds that hold now and what each left out."""
    return list(
        run.warehouse.query(
            "SELECT rule, min(threshold) AS threshold, count(*) FILTER (NOT kept) AS left_out FROM verdicts "
            "GROUP BY rule ORDER BY rule"
        ).to_pylist()
    )


def suggestions_of(run: Run) -> list[dict[str, Any]]:
    """A row per batch and model whose scores raters were shown beforehand.

    Returns
    -------
    list of dict
        batch_id, model, tasks (with a suggestion, of of_tasks), answers (counted ones to these tasks), accepted (those
        that equal the suggestion).
    """
    return list(run.warehouse.query(SUGGESTED, [STARS.id]).to_pylist())
