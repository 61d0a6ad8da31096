"""`salon simulate --loop`: how many votes each way of choosing needs, replayed from the votes of a release."""

from __future__ import annotations

import numpy as np
from prefect import flow

from flows.context import open_run
from flows.learning.release import open_version, read_version, read_votes
from flows.outcome import Outcome
from flows.release.register import release_rows
from flows.reports.page import Page
from flows.runtime import publish_counts
from labeling.learning.loop import Arm, Rated, Strategy, saving, simulate_loop
from schemas.errors import BadInput, WrongUse
from warehouse.releases.folder import version_key

VOTES = 10
FEW = 4
LEAST_PHOTOS = 100
SEEDS = 20


@flow(name="simulate-loop", flow_run_name="simulate-loop {release}")
def loop(root: str, release: str, seeds: int = SEEDS) -> Outcome:
    """Replay a release's votes under several strategies of choosing.

    Parameters
    ----------
    root : str
        The warehouse.
    release : str
        NAME, or NAME/VERSION; of a name the newest version.
    seeds : int
        Runs per strategy.
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
    arms = [Arm(strategy, VOTES) for strategy in Strategy]
    arms += [Arm(Strategy.RANDOM, FEW), Arm(Strategy.INFORMED, FEW)]
    budget = int(enough.sum()) * VOTES // 2
    curves = simulate_loop(rated, arms, budget, max(VOTES, budget // 16), seeds)
    page = Page(
        f"The loop, replayed on {published.name}",
        f"{len(rated.votes):,} photos, {seeds} runs each. Votes needed for the rank correlation that random choice "
        f"with {VOTES} votes a photo reaches, as a share of its votes; intervals over runs.",
        simulated=True,
    )
    rows, counts = [], {"photos": len(rated.votes), "runs": seeds}
    shown: dict[str, int | float | str] = dict(counts)
    for curve in curves:
        need = saving(curve, curves[0])
        rows.append((curve.arm.name, str(need), f"{curve.srcc[:, -1].mean():.3f}", int(curve.spent[-1])))
        shown[f"votes needed, {curve.arm.name}"] = str(need)
    page.table(("strategy", "votes needed / random", "SRCC at the end", "votes spent"), rows)
    report = page.write(run.warehouse.location.local("reports", f"loop-{name}-{published.manifest['version']}.html"))
    return publish_counts(
        Outcome("simulate-loop", shown, ("Nothing was written to the tables.",), {"report": str(report)})
    )
