"""What raters said of photos that rules had dropped: shares wrongly dropped, and the limit to set."""

from __future__ import annotations

from typing import Any

import numpy as np

from curation.filtering.audit import Audited, limit_for, shares, strata_of
from curation.filtering.decisions import plain
from flows.context import Run, open_run
from flows.outcome import Outcome
from flows.reports.page import Page
from schemas.errors import WrongUse

# Verdicts of photos shown in the role `audit`, with what people said of them.
SEEN = """
    WITH said AS (
        SELECT photo_id, avg(value) FILTER (status = 'counted') AS mean,
               count(*) FILTER (status = 'cannot_rate') AS refused, count(*) AS votes,
               bool_or(simulated) AS simulated
        FROM current_ratings WHERE role = 'audit' AND status IN ('counted', 'cannot_rate') GROUP BY photo_id),
    chosen AS (
        SELECT photo_id, max(inclusion_probability) AS probability FROM tasks WHERE role = 'audit' GROUP BY photo_id)
    SELECT v.photo_id, v.rule, v.score, v.threshold, s.mean, s.refused, s.votes, s.simulated,
           1 / coalesce(nullif(c.probability, 0), 1) AS weight,
           nullif(trim(concat_ws(' ', p.camera_make, p.camera_model)), '') AS camera,
           q.brightness, q.colorfulness, p.width * p.height / 1e6 AS megapixels
    FROM verdicts v JOIN said s USING (photo_id) JOIN photos p USING (photo_id)
    LEFT JOIN chosen c USING (photo_id)
    LEFT JOIN (SELECT photo_id, max(brightness) AS brightness, max(colorfulness) AS colorfulness
               FROM properties GROUP BY photo_id) q USING (photo_id)
    WHERE NOT v.kept ORDER BY v.rule, v.photo_id
"""

# Mean rating of each kept photo: what a dropped one is compared with.
KEPT = """
    SELECT avg(value) AS mean FROM counted_ratings SEMI JOIN kept USING (photo_id)
    WHERE role = 'rate' GROUP BY photo_id ORDER BY mean
"""


def audit(root: str, precision: float) -> Outcome:
    """Shares wrongly dropped by rule and stratum, and for each rule the limit that meets a precision.

    A photo was wrongly dropped where at most half of those who saw it said that it cannot be rated, and its
    mean reaches the quantile `filter.audit_bar` of the kept photos' means.

    Raises
    ------
    WrongUse
        Nobody has rated an audited photo yet, or no kept one.
    """
    run = open_run(root)
    rows = run.warehouse.query(SEEN).to_pylist()
    means = np.array(run.warehouse.query(KEPT)["mean"].to_pylist(), dtype=np.float64)
    if not rows or not len(means):
        raise WrongUse(
            "there is nothing to audit yet: select puts a random slice of what rules dropped into each batch "
            "(study.audit_share, role audit); run this again when ratings of such a batch are back."
        )
    bar = float(np.quantile(means, run.settings.filter.audit_bar))
    audited = [_audited(row, bar) for row in rows]
    found = shares(audited)
    limits = {
        rule: limit_for([one for one in audited if one.rule == rule], precision)
        for rule in dict.fromkeys(one.rule for one in audited)
    }
    counts: dict[str, int | float | str] = {
        "audited photos": len({one.photo_id for one in audited}),
        "bar (mean rating)": round(bar, 3),
    }
    for share in found:
        if not share.stratum:
            counts[f"wrongly dropped by {share.rule}"] = (
                f"{share.wrong} of {share.audited} ({share.share:.0%}, {share.low:.0%} to {share.high:.0%})"
            )
    for rule, limit in limits.items():
        counts[f"limit of {rule} for precision {precision:g}"] = "none reaches it" if limit is None else plain(limit)
    simulated = any(row["simulated"] for row in rows)
    page = _page(run, bar, found, counts, simulated)
    notes = ("Some of these ratings are simulated.",) if simulated else ()
    return Outcome(stage="filter audit", counts=counts, files={"report": page}, notes=notes)


def _audited(row: dict[str, Any], bar: float) -> Audited:
    rateable = row["refused"] * 2 <= row["votes"] and row["mean"] is not None
    return Audited(
        photo_id=row["photo_id"],
        rule=row["rule"],
        wrong=bool(rateable and row["mean"] >= bar),
        strata=strata_of(row["camera"], row["brightness"], row["colorfulness"], row["megapixels"]),
        score=row["score"],
        threshold=row["threshold"],
        weight=row["weight"],
    )


def _page(run: Run, bar: float, found: list[Any], counts: dict[str, int | float | str], simulated: bool) -> str:
    page = Page(
        "Filter audit",
        "People saw a random slice of what the rules dropped. A photo counts as wrongly dropped where they could "
        f"rate it and their mean reaches {bar:.2f}, the {run.settings.filter.audit_bar:.0%} quantile of kept photos.",
        simulated=simulated,
    )
    page.table(["figure", "value"], list(counts.items()))
    rows = [
        (share.rule, share.stratum or "all", share.audited, share.wrong, f"{share.share:.0%}", _interval(share))
        for share in found
    ]
    headers = ["rule", "stratum", "audited", "wrongly dropped", "share", "95 % interval"]
    page.table(headers, rows, title="By rule and stratum")
    return str(page.write(run.warehouse.location.local("reports", "filter-audit.html")))


def _interval(share: Any) -> str:
    return f"{share.low:.0%} to {share.high:.0%}"
