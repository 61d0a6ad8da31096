"""Simulated raters who work through Label Studio, with an account each; everything they do is marked as simulated."""

from __future__ import annotations

import csv
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from flows.context import open_run
from flows.labelstudio.connection import connect
from flows.labelstudio.raters import LOGINS, SIMULATED, add_raters, list_raters
from flows.labelstudio.server import ServerFolder
from flows.labelstudio.studies import projects_of, protocol_of
from labeling.labelstudio.accounts import Account, log_in
from labeling.labelstudio.client import LabelStudio
from labeling.labelstudio.panel import work_through
from labeling.protocols.answers import Reply
from schemas.errors import WrongUse
from schemas.protocols import Protocol
from schemas.ratings import Project

PanelJudge = Callable[[int, str, Protocol], Reply]
"""From the rater's number (from 0), the task's key and the protocol to what the rater does."""


def rate_as_panel(
    root: str, batch_id: str, raters: int, judge: PanelJudge, most: int | None = None, together: int = 1
) -> int:
    """Let a simulated panel answer a batch through Label Studio's API.

    Accounts are made where there are fewer than `raters`; they are used again the next time.

    Parameters
    ----------
    root : str
        The warehouse.
    batch_id : str
        A batch that was sent.
    raters : int
        Size of the panel. With a project per rater, each answers the projects of their own.
    judge : callable
        What a rater does with a task.
    most : int, optional
        Tasks after which a rater stops.
    together : int
        Raters at work at the same time; on one machine a second one gains nothing.

    Returns
    -------
    int
        Annotations that were submitted.
    """
    run = open_run(root)
    panel = panel_accounts(root, raters)
    with connect(run) as link:
        url = link.client.url
        projects = [p for p in projects_of(run, link.namespace) if p.batch_id == batch_id]
        pseudonyms = {rater.user: rater.rater_id for rater in list_raters(run, link)}
    if not projects:
        raise WrongUse(f"batch '{batch_id}' was not sent yet; run `salon send {batch_id}` first.")

    def work(number: int, account: Account) -> int:
        done = 0
        with LabelStudio(url, account.token) as client:
            for project in projects:
                if project.rater_id in (None, pseudonyms.get(account.user)):
                    done += _work(client, project, number, judge, most)
        return done

    with ThreadPoolExecutor(together) as pool:
        return sum(pool.map(work, range(len(panel)), panel))


def _work(client: LabelStudio, project: Project, number: int, judge: PanelJudge, most: int | None) -> int:
    protocol = protocol_of(project)
    return work_through(client, project.project_id, protocol, lambda key: judge(number, key, protocol), most)


def panel_accounts(root: str, count: int) -> list[Account]:
    """The first `count` simulated accounts in the order of their making; missing ones are made."""
    run = open_run(root)
    path = ServerFolder.of(run.root).path / LOGINS
    passwords: dict[str, str] = {}
    if path.exists():
        passwords = dict(row[:2] for row in csv.reader(path.read_text(encoding="utf-8").splitlines()) if len(row) > 1)
    with connect(run) as link:
        known = [r for r in list_raters(run, link) if r.panel == SIMULATED and r.login in passwords][:count]
        accounts = [log_in(link.client.url, rater.login, passwords[rater.login]) for rater in known]
    if len(accounts) < count:
        accounts += add_raters(root, [], count - len(accounts), SIMULATED)[1]
    return accounts
