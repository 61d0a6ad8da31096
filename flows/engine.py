"""Where the shards of a stage are worked on: in this process, or on the nodes of a Ray cluster.

A stage gives one task and its shards; it gets each shard's result as it is ready, and never knows more of the
machines. On Ray, tasks go through Prefect's own task runner, so they show up in Prefect as any others; a shard
whose node is lost is begun again on another, and since shards commit whole and by key, that adds nothing twice.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from flows.context import Run
from flows.runtime import Sealed
from schemas.errors import ServiceUnavailable, WorkerLost, WrongUse
from schemas.settings.run import EngineKind, RunSettings

Shard = TypeVar("Shard")
Result = TypeVar("Result")

LOOPBACK = frozenset({None, "127.0.0.1", "localhost", "::1"})
PATIENCE_S = 10.0
AHEAD = 2
"""Shards that wait at Ray for each core: enough that no core waits, few enough that little is held in memory."""


@dataclass(frozen=True)
class RayEngine:
    """A Ray cluster that this process is connected to.

    Parameters
    ----------
    runner : prefect_ray.RayTaskRunner
        Started.
    settings : RunSettings
    """

    runner: Any
    settings: RunSettings

    def map(
        self, work: Callable[[Sealed[Shard]], Result], shards: Iterable[Shard], *, gpu: bool = False
    ) -> Iterator[Result]:
        """Results of a Prefect task on each shard, in the order in which they are ready.

        Parameters
        ----------
        work : Prefect task
            Of one parameter, `sealed`; the shard and the result are picklable.
        shards : iterable
            Drawn as the cluster takes them.
        gpu : bool
            The work can use a GPU.

        Raises
        ------
        WorkerLost
            Nodes were lost under a shard more often than the settings allow.
        SalonError
            What the task raised.
        """
        import ray

        waiting = iter(shards)
        under_way: dict[Any, Any] = {}
        while True:
            for shard in waiting:
                future = self._submit(work, shard, gpu)
                under_way[future.wrapped_future] = future
                if len(under_way) >= self._most():
                    break
            if not under_way:
                return
            ready, _ = ray.wait(list(under_way), num_returns=1)
            yield cast(Result, _result(under_way.pop(ready[0])))

    def _most(self) -> int:
        """Shards to have under way: the cluster may grow and shrink."""
        return max(1, round(AHEAD * _resource("CPU") / self.settings.ray_cpus))

    def _submit(self, work: Any, shard: Any, gpu: bool) -> Any:
        from prefect_ray.context import remote_options

        with remote_options(**self.asks(gpu)):
            return self.runner.submit(work, parameters={"sealed": Sealed(shard)})

    def asks(self, gpu: bool) -> dict[str, float]:
        """What one shard asks Ray for."""
        return {
            "num_cpus": self.settings.ray_cpus,
            "num_gpus": self.settings.ray_gpus if gpu and _resource("GPU") else 0.0,
            "max_retries": self.settings.ray_restarts,
        }


def _resource(name: str) -> float:
    """How much of a resource all living nodes have together."""
    ray: Any = importlib.import_module("ray")
    return float(ray.cluster_resources().get(name, 0.0))


def _result(future: Any) -> Any:
    """The value of a future; what Ray raises of its own becomes a passing fault."""
    from ray.exceptions import RayError

    try:
        return future.result()
    except RayError as error:
        first = str(error).strip().splitlines()[0]
        raise WorkerLost(f"the Ray cluster lost a shard for good ({first}); run the same again.") from error


@contextmanager
def cluster_of(run: Run) -> Iterator[RayEngine | None]:
    """The Ray cluster of the settings while the block runs; None where the engine is this machine alone.

    Raises
    ------
    WrongUse
        Ray is not installed, or its nodes cannot reach what this process uses.
    ServiceUnavailable
        The cluster does not answer.
    """
    settings = run.settings.run
    if settings.engine is not EngineKind.RAY:
        yield None
        return
    if importlib.util.find_spec("prefect_ray") is None:
        raise WrongUse('[run] engine = "ray": Ray is not installed; pip install "salon-curation[ray]".')
    # Ray reports its use to its makers otherwise.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    from prefect_ray import RayTaskRunner

    runner: Any = RayTaskRunner(
        address=settings.ray_address or None, init_kwargs={"log_to_driver": False, "logging_level": "ERROR"}
    )
    _refuse_silence(settings.ray_address or os.environ.get("RAY_ADDRESS", ""))
    try:
        runner.__enter__()
    except (ConnectionError, TimeoutError, RuntimeError, ValueError) as error:
        place = settings.ray_address or os.environ.get("RAY_ADDRESS", "") or "this machine"
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ServiceUnavailable(f"the Ray cluster at {place} does not answer: {first}") from error
    try:
        _refuse_nodes_out_of_reach()
        yield RayEngine(runner, settings)
    finally:
        runner.__exit__(None, None, None)


def _refuse_silence(address: str) -> None:
    """Ray itself tries for ten minutes and more to reach a head that is not there."""
    host, _, port = address.rpartition("://")[2].partition(":")
    if not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), timeout=PATIENCE_S).close()
    except OSError as error:
        raise ServiceUnavailable(
            f"the Ray cluster at {address} does not answer ({error.strerror or error}); start it with "
            "`ray start --head`, or check [run] ray_address."
        ) from error


def _refuse_nodes_out_of_reach() -> None:
    """Tasks report to Prefect from wherever they run."""
    ray: Any = importlib.import_module("ray")
    strangers = sorted({node["NodeManagerHostname"] for node in ray.nodes() if node["Alive"]} - {socket.gethostname()})
    if strangers and urlsplit(os.environ.get("PREFECT_API_URL", "")).hostname in LOOPBACK:
        raise WrongUse(
            f"Ray's nodes on {', '.join(strangers[:3])} cannot reach this command's own Prefect server: run "
            "`prefect server start --host 0.0.0.0` here and set PREFECT_API_URL to an address that they reach."
        )
