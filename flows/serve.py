"""All flows as Prefect deployments, on the schedules of `salon.toml`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from prefect import Flow, serve
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron

from flows.context import Run, open_run
from flows.curate import curate
from flows.dedupe import dedupe
from flows.embed import embed
from flows.filter import filter_photos
from flows.forms import google_docstring
from flows.ingest import ingest
from flows.labelstudio.collect import collect
from flows.labelstudio.send import send
from flows.maintain import maintain
from flows.notify import tell
from flows.publish import publish
from flows.score import score
from flows.select import select

ONE_AT_A_TIME = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE)
"""A run that comes while another of the same deployment is at work waits for it."""


@dataclass(frozen=True)
class Plan:
    """One deployment: a flow, its name, parameters, and its schedule if it has one."""

    flow: Flow[Any, Any]
    name: str
    parameters: dict[str, Any]
    cron: str = ""
    tags: tuple[str, ...] = ()


def plans(run: Run) -> list[Plan]:
    """What is to be served for one warehouse."""
    when = run.settings.schedule
    root = {"root": run.root}
    sources = list(when.sources)
    every = [
        Plan(curate, "curate", root | {"sources": sources}, when.curate if sources else "", ("curate",)),
        Plan(ingest, "ingest", root | {"sources": sources}, "", ("curate",)),
        Plan(dedupe, "dedupe", root, "", ("curate",)),
        Plan(embed, "embed", root, "", ("curate",)),
        Plan(filter_photos, "filter", root, "", ("curate",)),
        Plan(select, "select", root, "", ("rate",)),
        Plan(send, "send", root, "", ("rate",)),
        Plan(collect, "collect", root, when.collect, ("rate",)),
        Plan(score, "score", root, when.score, ("rate",)),
        Plan(publish, "publish", root | {"name": "", "draft": True}, "", ("release",)),
        Plan(maintain, "maintain", root, when.maintain, ("upkeep",)),
    ]
    every += [
        Plan(publish, f"publish-{name}", root | {"name": name, "draft": True}, when.publish, ("release",))
        for name in when.releases
    ]
    return every


def deployment(plan: Plan, run: Run) -> RunnerDeployment:
    """One plan as Prefect takes it."""
    longest = run.settings.schedule.longest_hours * 3600 or None
    told = plan.flow.with_options(on_failure=[tell], on_crashed=[tell], timeout_seconds=longest)
    told.__doc__ = google_docstring(plan.flow.fn.__doc__ or "")  # where Prefect looks for what each field means
    made = told.to_deployment(
        name=plan.name,
        parameters=plan.parameters,
        schedule=Cron(plan.cron, timezone=run.settings.schedule.timezone) if plan.cron else None,
        tags=["salon", *plan.tags],
        concurrency_limit=ONE_AT_A_TIME,
        description=(plan.flow.fn.__doc__ or "").strip().splitlines()[0],
    )
    assert isinstance(made, RunnerDeployment)
    return made


def serve_all(root: str) -> None:
    """Serve every flow until interrupted."""
    run = open_run(root)
    serve(*[deployment(plan, run) for plan in plans(run)], print_starting_message=False)
