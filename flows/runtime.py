"""Running flows: Prefect's environment, retries for passing faults only, artifacts, quiet consoles."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Generic, TypeVar

from flows.outcome import Outcome, artifact_key
from flows.prefect_server import ensure_server
from flows.team import refuse_sqlite
from schemas.errors import GateRefused, PassingFault

PREFECT_DEFAULTS = {
    # Prefect's temporary server gives up after 20 s, which a busy machine exceeds.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    "DO_NOT_TRACK": "1",
    # A person reads our one sentence; Prefect's log with its tracebacks goes to its server.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
}


def prepare_environment() -> None:
    """Set what Prefect reads at import; what a person has set stays."""
    for name, value in PREFECT_DEFAULTS.items():
        os.environ.setdefault(name, value)


def only_passing(task: Any, run: Any, state: Any) -> bool:
    """Prefect's retry condition: try again after a passing fault, never after a permanent one."""
    try:
        state.result()
    except BaseException as fault:  # noqa: BLE001 - whatever the task raised is only looked at
        return isinstance(fault, PassingFault)
    return False


RETRIES: dict[str, Any] = {
    "retries": 4,
    "retry_delay_seconds": [1, 5, 20, 60],
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": only_passing,
}
"""Give these to every task that touches a network or a table: ``@task(**RETRIES)``."""


Content = TypeVar("Content")


class Sealed(Generic[Content]):
    """What a task is given, closed to Prefect: of thousands of records it would visit each field, twice, and copy them.

    That took more time than all else that Prefect does for a run. Every task of many records takes them sealed.
    """

    def __init__(self, content: Content) -> None:
        self.content = content


def run_flow(
    flow: str | Callable[..., Outcome], look: Callable[[], Outcome | None] | None = None, **parameters: Any
) -> Outcome:
    """Run a flow in this process, on the server that Prefect is set to or on one for this command alone.

    Parameters
    ----------
    flow : str or callable
        ``module:name`` is imported while the server starts, which takes as long.
    look : callable, optional
        Sees whether there is anything to do: the outcome if not, and then nothing is started; else None.
    parameters
        The flow's.
    """
    found = look() if look else None
    if found is not None:
        return found
    if "root" in parameters:
        refuse_sqlite(parameters["root"])
    ensure_server()
    if isinstance(flow, str):
        module, _, name = flow.partition(":")
        flow = getattr(importlib.import_module(module), name)
    assert not isinstance(flow, str)
    with without_heartbeats():
        return flow(**parameters)


@contextmanager
def without_heartbeats() -> Iterator[None]:
    """Run flows without Prefect's heartbeats: each flow waits up to a second at its end for the thread that sends them.

    They tell a server that a scheduled run has died; a command has somebody, or a scheduler, who sees that. Whoever
    sets PREFECT_FLOWS_HEARTBEAT_FREQUENCY has them.
    """
    from prefect.settings import temporary_settings

    given = "PREFECT_FLOWS_HEARTBEAT_FREQUENCY" in os.environ
    with nullcontext() if given else temporary_settings(updates={"flows.heartbeat_frequency": None}):
        yield


def publish_counts(outcome: Outcome) -> Outcome:
    """Leave the outcome on the flow run, its counts as a table and what it wrote as links, and hand it on."""
    from prefect.artifacts import create_link_artifact, create_table_artifact

    for name, place in outcome.files.items():
        link = place if "://" in place else Path(place).absolute().as_uri()
        create_link_artifact(link, link_text=place, key=artifact_key(outcome.stage, name))
    create_table_artifact(
        key=artifact_key(outcome.stage),
        table=[{"what": name, "count": value} for name, value in outcome.counts.items()],
        description="\n".join(outcome.notes) or None,
    )
    return outcome


def refused(refusal: GateRefused) -> Any:
    """The end of a run that a gate refused: a state of its own that says which gate and by how much.

    A flow returns it; the caller in the same process still gets the `GateRefused`.
    """
    from prefect.states import Failed

    return Failed(name="Refused", message=str(refusal), data=refusal)
