"""`salon publish` and `salon approve`: what the tables hold becomes the next version of a dataset."""

from __future__ import annotations

from typing import Any

from prefect import flow

from flows.context import open_run
from flows.outcome import Outcome
from flows.release.make import make_version, newest
from flows.release.register import RELEASED, register, sole_shelf
from flows.runtime import publish_counts, refused
from schemas.errors import GateRefused, WrongUse
from warehouse.releases.folder import DRAFTS, version_key
from warehouse.releases.manifest import read_manifest


@flow(name="publish", flow_run_name="publish {name}")
def publish(root: str, name: str, draft: bool = False, bump: str = "", resplit: bool = False) -> Outcome | Any:
    """Make the next version of a dataset.

    Parameters
    ----------
    root : str
        The warehouse.
    name : str
        Name of the dataset.
    draft : bool
        Make a draft that a person approves; it replaces the last draft.
    bump : str
        major, minor or patch, where a person wants more than the difference asks for.
    resplit : bool
        Draw all splits anew: a major version.
    """
    try:
        return publish_counts(make_version(open_run(root), name, draft=draft, bump=bump, resplit=resplit))
    except GateRefused as refusal:
        return refused(refusal)


@flow(name="approve", flow_run_name="approve {name} {version}")
def approve(root: str, name: str, version: str, by: str) -> Outcome:
    """Make a draft a version: who approves is remembered, with the gates that it passed."""
    run = open_run(root)
    version_key(version)
    with sole_shelf(run, name) as shelf:
        if version not in shelf.drafts():
            there = ", ".join(shelf.drafts()) or "none"
            raise WrongUse(f"{name} {version}: there is no such draft; drafts: {there}.")
        manifest = read_manifest(shelf.folder / DRAFTS / version)
        if manifest["previous"] != newest(shelf):
            raise WrongUse(
                f"{name} {version}: it was made on top of {manifest['previous'] or 'nothing'}, and "
                f"{newest(shelf)} came since; publish a new draft."
            )
        shelf.promote(version)
        register(run, shelf.rows_of(version), RELEASED, approved_by=by)
        place = shelf.address(version)
    passed = ", ".join(gate["name"] for gate in manifest["gates"])
    return publish_counts(
        Outcome(
            stage="approve",
            counts={"version": version, "photos": manifest["counts"]["photos"], "approved by": by},
            notes=(f"Gates passed: {passed}.",),
            files={"release": place},
        )
    )
