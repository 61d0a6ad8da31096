"""`salon simulate --loop`: how many votes each way of choosing needs, replayed from the votes of a release."""

from __future__ import annotations

import numpy as np
from prefect import flow

from flows.context import open_run
from flows.learning.release import Published, open_version, read_version, read_votes
from flows.outcome import Outcome
from flows.release.register import release_rows
from flows.reports.page import Page
from flows.runtime import publish_counts
from labeling.learning.loop import Arm, Curve, Rated, Strategy, saving, saving_at, simulate_loop
from schemas.errors import BadInput, WrongUse
from warehouse.releases.folder import version_key

VOTES = 10
FEW = 4
LEAST_PHOTOS = 100
SEEDS, FEWER_SEEDS = 80, 20
MANY_PHOTOS = 1000
"""Each run takes time with the cube of the photos; and the more of them judge, the less do runs differ."""
PARTS_OF_BUDGET = (0.25, 0.5, 0.75, 1.0)


@flow(name="simulate-loop", flow_run_name="simulate-loop {release}")
def loop(root: str, release: str, seeds: int | None = None) -> Outcome:
    """Replay a release's votes under several strategies of choosing.

    Parameters
    ----------
    root : str
        The warehouse.
    release : str
        NAME, or NAME/VERSION; of a name the newest version.
    seeds : int, optional
        Runs per strategy: 80, or 20 where there are more than 1,000 photos.
    """
    run = open_run(root)
    name, _, version = release.partition("/")
    known = [row["version"] for row in release_rows(run, name) if row["state"] == "released"]
    if not known and not version:
        raise WrongUse(f"{name}: no version was published; the loop replays the votes of a release.")
    published = read_version(open_version(run, name, version or max(known, key=version_key)), run.settings.learn.model)
    votes = read_votes(published)
    per_photo = [votes.value[votes.photo == row] for row in range(len(published.score))]
    enough = np.array([len(found) >= VOTES for found in per_photo], dtype=bool)
    if enough.sum() < LEAST_PHOTOS:
        raise BadInput(
            f"{published.name}: too few photos to replay",
            expected=f"{LEAST_PHOTOS} with at least {VOTES} votes each and a vector of {published.model}",
            got=str(int(enough.sum())),
        )
    rated = Rated(published.vectors[enough], [found for found, ok in zip(per_photo, enough, strict=True) if ok])
    seeds = seeds or (SEEDS if len(rated.votes) <= MANY_PHOTOS else FEWER_SEEDS)
    arms = [Arm(strategy, VOTES) for strategy in Strategy]
    arms += [Arm(Strategy.RANDOM, FEW), Arm(Strategy.INFORMED, FEW)]
    budget = int(enough.sum()) * VOTES // 2
    curves = simulate_loop(rated, arms, budget, max(VOTES, budget // 16), range(seeds))
    page = _page(published, curves, len(rated.votes), seeds)
    shown: dict[str, int | float | str] = {"photos": len(rated.votes), "runs": seeds}
    shown |= {f"votes needed, {curve.arm.name}": str(saving(curve, curves[0])) for curve in curves}
    report = page.write(run.warehouse.location.local("reports", f"loop-{name}-{published.manifest['version']}.html"))
    return publish_counts(
        Outcome("simulate-loop", shown, ("Nothing was written to the tables.",), {"report": str(report)})
    )


def _page(published: Published, curves: list[Curve], photos: int, seeds: int) -> Page:
    base = curves[0]
    page = Page(
        f"The loop, replayed on {published.name}",
        "A simulation: the release's votes are dealt out again as each strategy asks for photos. "
        f"{photos:,} photos, {seeds} runs each; a quarter of the photos judge and are in no batch. Votes needed for "
        f"the rank correlation that random choice with {VOTES} votes a photo reaches, as a share of its votes; "
        "intervals over runs. The informed strategy knows the vectors of all photos, of those that judge too; the "
        "one by pool knows those of the pool alone.",
        simulated=published.simulated,
    )
    rows = [
        (curve.arm.name, str(saving(curve, base)), f"{curve.srcc[:, -1].mean():.3f}", int(curve.spent[-1]))
        for curve in curves
    ]
    page.table(("strategy", "votes needed / random", "SRCC at the end", "votes spent"), rows)
    spent = [round(part * int(base.spent[-1])) for part in PARTS_OF_BUDGET]
    shares = [[curve.arm.name, *(str(saving_at(curve, base, votes)) for votes in spent)] for curve in curves[1:]]
    page.table(("votes needed / random's N", *(f"N = {votes:,}" for votes in spent)), shares, "By N (inf: not reached)")
    return page
