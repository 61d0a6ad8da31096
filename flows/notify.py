"""Telling people of runs that failed or were refused: a command of theirs gets one JSON object."""

from __future__ import annotations

import json
import shlex
import subprocess
from typing import Any

from flows.settings import read_settings

PATIENCE_S = 30


def tell(flow: Any, flow_run: Any, state: Any) -> None:
    """Prefect's hook: run the command of ``[schedule] notify`` with the run's end on standard input.

    Nothing of the run's parameters but the warehouse is passed on. A command that fails is only logged: a
    notification never changes how a run ended.
    """
    from prefect.logging import get_logger

    root = str((flow_run.parameters or {}).get("root", ""))
    command = read_settings(root).schedule.notify if root else ""
    if not command:
        return
    message = {
        "flow": flow.name,
        "run": flow_run.name,
        "root": root,
        "state": state.name,
        "message": state.message or "",
    }
    try:
        subprocess.run(
            shlex.split(command), input=json.dumps(message), text=True, timeout=PATIENCE_S, check=True,
            capture_output=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        get_logger("salon").warning("the command of [schedule] notify failed: %s", error)
