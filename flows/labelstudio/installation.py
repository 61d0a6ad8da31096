"""Label Studio in a virtual environment of its own: in Salon's, it would take other libraries down."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import ServiceUnavailable, WrongUse

VERSION = "1.23"
CHECKOUT = Path(__file__).resolve().parent.parent.parent
CONSTRAINTS = CHECKOUT / "labelstudio-constraints.txt"
HOME_VARIABLE = "SALON_LABELSTUDIO_HOME"
DATABASE = "label_studio.sqlite3"

QUIET = {
    "GIT_DIR": os.devnull,  # else it reports the newest commit of the checkout around it as its own version
    # None of these opens a connection to anywhere; a test watches the server's sockets.
    "LABEL_STUDIO_SENTRY_DSN": "",
    "LABEL_STUDIO_FRONTEND_SENTRY_DSN": "",
    "LABEL_STUDIO_LATEST_VERSION_CHECK": "false",
    "LABEL_STUDIO_COLLECT_ANALYTICS": "false",
    "LABEL_STUDIO_FEATURE_FLAGS_OFFLINE": "true",
    "LABEL_STUDIO_DEBUG": "false",
}


@dataclass(frozen=True)
class Installation:
    """Where Label Studio is installed: its environment, and a data folder that has been migrated once.

    Parameters
    ----------
    home : Path
        ``.labelstudio`` beside the checkout, or what SALON_LABELSTUDIO_HOME names.
    """

    home: Path

    @classmethod
    def here(cls) -> Installation:
        """The installation that this checkout uses."""
        named = os.environ.get(HOME_VARIABLE)
        return cls(Path(named).expanduser().absolute() if named else CHECKOUT / ".labelstudio")

    @property
    def program(self) -> Path:
        """The command ``label-studio``."""
        return self.home / "venv" / "bin" / "label-studio"

    @property
    def template(self) -> Path:
        """A migrated database without users: a server that starts from a copy is up in seconds."""
        return self.home / "template" / DATABASE

    @property
    def is_complete(self) -> bool:
        """Whether everything is there."""
        return self._marker.exists() and self.template.exists()

    @property
    def _marker(self) -> Path:
        return self.home / f"installed-{VERSION}"

    def complete(self) -> bool:
        """Install what is missing; returns whether anything was. Two at once do it once.

        Raises
        ------
        ServiceUnavailable
            The packages cannot be had or Label Studio does not start; names the log.
        """
        if self.is_complete:
            return False
        self.home.mkdir(parents=True, exist_ok=True)
        with only_one(self.home / "installing.lock"):
            if not self._marker.exists():
                self._install()
            if not self.template.exists():
                self._migrate()
        return True

    def _install(self) -> None:
        folder = self.home / "venv"
        shutil.rmtree(folder, ignore_errors=True)
        self._run(sys.executable, "-m", "venv", str(folder))
        if not CONSTRAINTS.exists():
            raise WrongUse(f"{CONSTRAINTS}: missing; Label Studio is installed from a checkout of Salon.")
        # Compiled when first imported: most of its modules never are.
        options = ("--quiet", "--disable-pip-version-check", "--no-compile", "--constraint", str(CONSTRAINTS))
        self._run(str(folder / "bin" / "python"), "-m", "pip", "install", *options, f"label-studio=={VERSION}.*")
        self._marker.touch()

    def _migrate(self) -> None:
        """Lay out an empty database once; `version` migrates, and makes neither users nor an organisation."""
        raw = self.home / "template.unfinished"
        shutil.rmtree(raw, ignore_errors=True)
        raw.mkdir()
        self._run(str(self.program), "version", environment=data_environment(raw))
        self.template.parent.mkdir(exist_ok=True)
        # Only the database: the secret key that lies beside it must differ from server to server.
        (raw / DATABASE).rename(self.template)
        shutil.rmtree(raw)

    def _run(self, *command: str, environment: dict[str, str] | None = None) -> None:
        log = self.home / "install.log"
        with log.open("ab") as stream:
            code = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=environment,
                check=False,
            ).returncode
        if code:
            raise ServiceUnavailable(
                f"Label Studio could not be installed: '{' '.join(command[:4])} …' ended with {code}; see {log}."
            )


def data_environment(data: Path) -> dict[str, str]:
    """Environment of a Label Studio process that keeps everything it writes under one folder."""
    home = data / "home"
    home.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LABEL_STUDIO", "PYTHON"))}
    return {**kept, **QUIET, "LABEL_STUDIO_BASE_DATA_DIR": str(data), "HOME": str(home)}


@contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Hold a file's lock while the block runs; the kernel frees it whatever ends this process."""
    with lock.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
