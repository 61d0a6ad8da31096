"""Every flow is served as a deployment with its schedule, and prefect.yaml names flows that exist."""

from __future__ import annotations

import importlib
from pathlib import Path

import yaml
from prefect import Flow

from flows.context import open_run
from flows.serve import deployment, plans
from warehouse.store import Warehouse

CHECKOUT = Path(__file__).resolve().parents[2]


def test_every_stage_is_a_deployment_with_the_schedule_of_the_settings(tmp_path: Path) -> None:
    Warehouse.create(tmp_path)
    (tmp_path / "salon.toml").write_text(
        '[schedule]\nsources = ["/photos"]\nreleases = ["beauty"]\ncollect = "*/5 * * * *"\nscore = ""\n'
    )
    run = open_run(str(tmp_path))
    served = {d.name: d for d in (deployment(plan, run) for plan in plans(run))}
    assert {"curate", "ingest", "dedupe", "embed", "filter", "select", "send", "collect", "score", "publish",
            "maintain", "publish-beauty"} <= set(served)  # fmt: skip

    def cron(name: str) -> list[str]:
        return [str(getattr(schedule.schedule, "cron", "")) for schedule in served[name].schedules or []]

    assert cron("curate") == ["0 2 * * *"]
    assert cron("collect") == ["*/5 * * * *"]
    assert cron("score") == []
    assert cron("publish-beauty") == ["0 5 * * 1"]
    assert served["publish-beauty"].parameters["draft"] is True, "a scheduled publish makes a draft"
    assert all("salon" in d.tags for d in served.values())
    assert all(d.concurrency_limit == 1 for d in served.values())


def test_nothing_is_scheduled_for_curate_without_sources(tmp_path: Path) -> None:
    Warehouse.create(tmp_path)
    run = open_run(str(tmp_path))
    assert next(plan for plan in plans(run) if plan.name == "curate").cron == ""


def test_parameters_have_types_so_that_the_interface_shows_forms() -> None:
    from flows.select import select

    schema = select.parameters.properties
    assert schema["root"]["type"] == "string"
    assert {part.get("type") for part in schema["n"]["anyOf"]} == {"integer", "null"}
    assert schema["preview"] == {"default": False, "position": 3, "title": "preview", "type": "boolean"}


def test_every_field_of_every_form_says_what_it_is_for(tmp_path: Path) -> None:
    Warehouse.create(tmp_path)
    run = open_run(str(tmp_path))
    for plan in plans(run):
        fields = deployment(plan, run)._parameter_openapi_schema.properties
        bare = [name for name, field in fields.items() if not field.get("description")]
        assert not bare, f"{plan.name}: {bare}"
        if plan.name == "publish":
            assert fields["resplit"]["description"] == "Draw all splits anew: a major version."


def test_the_entrypoints_of_prefect_yaml_are_flows() -> None:
    deployments = yaml.safe_load((CHECKOUT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    assert deployments
    for one in deployments:
        path, name = one["entrypoint"].split(":")
        module = importlib.import_module(path.removesuffix(".py").replace("/", "."))
        assert isinstance(getattr(module, name), Flow)
