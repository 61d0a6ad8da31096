"""Raters: accounts in Label Studio on one side, pseudonyms in the warehouse on the other."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flows.context import Run, open_run
from flows.labelstudio.connection import Connection, connect
from flows.labelstudio.server import ServerFolder, write_private
from flows.labelstudio.studies import Study, projects_of
from flows.outcome import Outcome
from flows.secret_keys import pseudonym_key
from labeling.identity import pseudonym
from labeling.labelstudio.accounts import Account, make_account
from labeling.labelstudio.hours import active_seconds
from schemas.errors import WrongUse
from schemas.ratings import RATER_PROFILES, RaterProfile
from schemas.settings.study import Queue

SIMULATED = "simulated"
DOMAIN = "raters.invalid"
"""A domain that can never receive mail: logins are names, not addresses."""

LOGINS = "raters.csv"


@dataclass(frozen=True)
class Rater:
    """An account with its pseudonym."""

    user: int
    login: str
    rater_id: str
    panel: str | None


def add_raters(root: str, logins: list[str], count: int = 0, panel: str | None = None) -> tuple[Outcome, list[Account]]:
    """Make annotator accounts, and keep their pseudonyms as rater profiles.

    Parameters
    ----------
    root : str
        The warehouse.
    logins : list of str
        Logins to make, written like e-mail addresses; nothing is ever sent there.
    count : int
        Further accounts, named rater-1, rater-2, ...
    panel : str, optional
        Where they come from; 'simulated' marks all their votes as such.
    """
    run = open_run(root)
    key, note = pseudonym_key(root)
    with connect(run) as link:
        taken = {str(user["email"]).lower() for user in link.client.users()}
        wanted = [*logins, *_free_names(taken, count, panel)]
        accounts = []
        for login in wanted:
            account = make_account(link.client, login)
            accounts.append(account)
            # One at a time: an account is never there without its profile for longer than a moment.
            profile = RaterProfile(rater_id=pseudonym(key, link.namespace, str(account.user)), panel=panel)
            run.warehouse.table(RATER_PROFILES).replace([profile], where=f"rater_id = '{profile.rater_id}'")
    path = _keep_logins(run, accounts)
    notes = tuple(part for part in (note, f"Logins and passwords are kept in {path} (owner only).") if part)
    outcome = Outcome(
        "raters", {"accounts made": len(accounts)}, notes, {"log in at": f"{link.client.url}/user/login/"}
    )
    return outcome, accounts


def list_raters(run: Run, link: Connection) -> list[Rater]:
    """All accounts of the organisation but Salon's own, with their pseudonyms."""
    key, _ = pseudonym_key(run.root)
    own = link.client.whoami()["id"]
    panels = {
        row["rater_id"]: row["panel"]
        for row in run.warehouse.table(RATER_PROFILES).read(["rater_id", "panel"]).to_pylist()
    }
    found = []
    for user in link.client.users():
        rater_id = pseudonym(key, link.namespace, str(user["id"]))
        if user["id"] != own:
            found.append(Rater(int(user["id"]), str(user["email"]), rater_id, panels.get(rater_id)))
    return sorted(found, key=lambda rater: rater.user)


def hours(run: Run) -> dict[str, tuple[int, float]]:
    """Answers and active minutes of every rater, from what the gateway saw and else from answers with their times."""
    rows = run.warehouse.query(
        """SELECT rater_id, moment, is_answer FROM (
               SELECT rater_id, s.at AS moment, false AS is_answer FROM stamps s
               UNION ALL SELECT DISTINCT rater_id, submitted_at, true FROM current_ratings
               UNION ALL SELECT DISTINCT rater_id, submitted_at, true FROM current_comparisons
               UNION ALL SELECT DISTINCT rater_id, presented_at, false FROM current_ratings
               UNION ALL SELECT DISTINCT rater_id, presented_at, false FROM current_comparisons)
           WHERE moment IS NOT NULL"""
    ).to_pylist()
    moments: dict[str, list[datetime]] = {}
    answers: dict[str, int] = {}
    for row in rows:
        moments.setdefault(row["rater_id"], []).append(row["moment"])
        answers[row["rater_id"]] = answers.get(row["rater_id"], 0) + bool(row["is_answer"])
    idle = run.settings.labelstudio.idle_s
    return {rater: (answers[rater], active_seconds(found, idle) / 60) for rater, found in sorted(moments.items())}


def remove_rater(root: str, who: str) -> Outcome:
    """Take a rater's account away, by login or pseudonym; all votes stay."""
    run = open_run(root)
    with connect(run) as link:
        for rater in list_raters(run, link):
            if who in (rater.login, rater.rater_id):
                link.client.remove_member(rater.user)
                return Outcome("raters", {"accounts removed": 1}, (f"Votes of {rater.rater_id} stay.",))
    raise WrongUse(f"there is no rater '{who}'; `salon raters list` shows all.")


def places(run: Run, link: Connection, study: Study) -> dict[int | None, str | None]:
    """Which rater takes which place of a design; places taken once stay taken.

    Raises
    ------
    WrongUse
        There are fewer raters than places.
    """
    slots = [part.slot for part in study.parts]
    if study.queue is not Queue.PER_RATER:
        return dict.fromkeys(slots)
    batch_id = study.batch.batch_id
    taken = {p.slot: p.rater_id for p in projects_of(run, link.namespace) if p.batch_id == batch_id}
    profiles = {row["rater_id"] for row in run.warehouse.table(RATER_PROFILES).read(["rater_id"]).to_pylist()}
    free = [
        rater.rater_id
        for rater in list_raters(run, link)
        if rater.rater_id in profiles
        and rater.rater_id not in taken.values()
        and (rater.panel == SIMULATED) == study.batch.simulated
    ]
    open_slots = [slot for slot in slots if slot not in taken]
    if len(free) < len(open_slots):
        raise WrongUse(
            f"batch '{batch_id}' has {len(slots)} places and {len(free) + len(taken)} raters are there; add some with "
            f"`salon raters add --n {len(open_slots) - len(free)}`."
        )
    return {**taken, **dict(zip(open_slots, free, strict=False))}


def _free_names(taken: set[str], count: int, panel: str | None) -> list[str]:
    """The next free logins: rater-1@raters.invalid and so on."""
    stem = SIMULATED if panel == SIMULATED else "rater"
    numbers = [int(m[1]) for login in taken if (m := re.fullmatch(rf"{stem}-(\d+)@{re.escape(DOMAIN)}", login))]
    first = max(numbers, default=0) + 1
    return [f"{stem}-{number}@{DOMAIN}" for number in range(first, first + count)]


def _keep_logins(run: Run, accounts: list[Account]) -> Path:
    """Add the accounts to the owner-only list of logins: their passwords are known only now."""
    folder = ServerFolder.of(run.root).path
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / LOGINS
    rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines())) if path.exists() else [["login", "password"]]
    rows += [[account.email, account.password] for account in accounts]
    write_private(path, "\n".join(",".join(row) for row in rows))
    return path
