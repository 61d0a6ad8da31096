"""Secrets, from the environment alone; the pseudonym key is made once where none is given."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from flows.settings import settings_path
from schemas.errors import WrongUse

PSEUDONYM_KEY = "SALON_PSEUDONYM_KEY"
LABEL_STUDIO_KEY = "LABEL_STUDIO_API_KEY"
KEY_FILE = ".salon-pseudonym-key"
LEAST_KEY_LENGTH = 16


def pseudonym_key(root: str) -> tuple[bytes, str]:
    """The key of all pseudonyms, and a sentence for the person where one was made just now.

    It comes from SALON_PSEUDONYM_KEY; without that, Salon makes one once and keeps it beside the settings,
    readable by the owner alone.
    """
    given = os.environ.get(PSEUDONYM_KEY, "")
    if given:
        if len(given) < LEAST_KEY_LENGTH:
            raise WrongUse(f"{PSEUDONYM_KEY}: expected at least {LEAST_KEY_LENGTH} characters, got {len(given)}.")
        return given.encode(), ""
    path = settings_path(root).parent / KEY_FILE
    if path.exists():
        return path.read_text(encoding="ascii").strip().encode(), ""
    return _make_key(path)


def _make_key(path: Path) -> tuple[bytes, str]:
    key = secrets.token_hex(32)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:  # another run made it a moment ago
        return path.read_text(encoding="ascii").strip().encode(), ""
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(key + "\n")
    return key.encode(), f"A key for pseudonyms was made and is kept in {path} (owner only): back it up."
