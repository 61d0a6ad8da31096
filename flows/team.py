"""Team mode: several machines and people run flows against one Prefect server, which SQLite does not carry."""

from __future__ import annotations

from urllib.parse import urlsplit

from flows.settings import read_settings
from schemas.errors import WrongUse

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def refuse_sqlite(root: str) -> None:
    """Raise WrongUse where the settings say that a team works here and Prefect keeps its records in SQLite.

    A server on another machine does not say what its database is: there, whoever runs it is trusted. Without a
    server of their own, or with one on this machine, Prefect's settings tell.
    """
    if not read_settings(root).schedule.team:
        return
    from prefect.settings import get_current_settings

    settings = get_current_settings()
    server = str(settings.api.url or "")
    if server and urlsplit(server).hostname not in LOOPBACK:
        return
    database = settings.server.database
    address = database.connection_url.get_secret_value() if database.connection_url else str(database.driver or "")
    if address.startswith("postgresql"):
        return
    where = server or "a server of this command alone"
    raise WrongUse(
        f"[schedule] team = true, and Prefect ({where}) keeps its records in SQLite, which takes one machine: set "
        "PREFECT_API_URL to the team's server, or PREFECT_SERVER_DATABASE_CONNECTION_URL to "
        "postgresql+asyncpg://..., or team = false."
    )
