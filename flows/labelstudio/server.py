"""A Label Studio server on loopback for one warehouse: start, status, end by process id."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
import psutil

from flows.labelstudio.installation import DATABASE, Installation, data_environment, only_one
from schemas.errors import ServiceUnavailable
from warehouse.filesystem import Location

HOST = "127.0.0.1"
START_PATIENCE_S = 180.0
STOP_PATIENCE_S = 15.0
PORT_TRIES = 5
ADMIN = "salon@localhost.invalid"
SETTINGS_MODULE = "salon_labelstudio_settings"
SETTINGS = '''"""Label Studio's settings, and SQLite set so that many raters can write at the same time.

Its own settings begin transactions as readers. SQLite refuses such a one as "locked" at once when it wants to write
and another has written since it began: answers were lost to that. Here every transaction waits for its turn.
"""
from importlib.util import find_spec

_theirs = find_spec("label_studio.core.settings.label_studio")
# Run here, not imported: it reads its own values through Django while it is not yet complete.
exec(_theirs.loader.get_code(_theirs.name), globals())

DATABASES["default"]["OPTIONS"] = {
    "timeout": 60,
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode = WAL",
}
'''


@dataclass(frozen=True)
class Credentials:
    """The account that Salon uses; kept readable by the owner alone."""

    email: str
    password: str
    token: str


@dataclass(frozen=True)
class Running:
    """A server that was started by us, and how to know its process again."""

    url: str
    pid: int
    started: float
    document_root: str

    @property
    def process(self) -> psutil.Process | None:
        """The process, if it is still that one."""
        try:
            found = psutil.Process(self.pid)
            same = abs(found.create_time() - self.started) < 1 and found.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return found if same else None


LOCK_S = 3600
"""How long a task that was handed out, and not answered, is kept from others. Label Studio's own default is a day: so
long would a vote wait for each abandoned page, and for each task whose answer was being saved when the server died."""


@dataclass(frozen=True)
class ServerFolder:
    """All that a warehouse's own Label Studio keeps: data, log, credentials, state."""

    path: Path

    @classmethod
    def of(cls, root: str) -> ServerFolder:
        """Inside a local warehouse; beside the installation for one in an object store."""
        location = Location.of(root)
        if location.is_local:
            return cls(location.local("labelstudio"))
        name = hashlib.sha256(location.root.encode()).hexdigest()[:16]
        return cls(Installation.here().home / "servers" / name)

    def credentials(self) -> Credentials | None:
        """The account, where one was made."""
        path = self.path / "credentials.json"
        return Credentials(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None

    def running(self) -> Running | None:
        """The server, if it is running."""
        path = self.path / "server.json"
        if not path.exists():
            return None
        state = Running(**json.loads(path.read_text(encoding="utf-8")))
        return state if state.process else None

    def up(
        self, document_root: Path, installation: Installation | None = None, port: int = 0, *, local_calls: bool = False
    ) -> Running:
        """Start the server, or find it running.

        Parameters
        ----------
        document_root : Path
            The only folder from which the server gives pictures out.
        installation : Installation, optional
            Completed first where it is not; this checkout's by default.
        port : int
            The port to listen on; 0 takes the one used last time if it is free, else any free one.
        local_calls : bool
            It may call addresses in private networks, as webhooks to this machine need it.

        Raises
        ------
        ServiceUnavailable
            It does not come up; names the log.
        """
        installation = installation or Installation.here()
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path.chmod(0o700)
        with only_one(self.path / "starting.lock"):
            running = self.running()
            if running:
                return running
            installation.complete()
            credentials = self._prepare(installation)
            document_root.mkdir(parents=True, exist_ok=True)
            environment = self._environment(credentials, document_root, local_calls)
            return self._start(installation.program, environment, document_root, port)

    def down(self) -> bool:
        """End the server that we started, by its process id; False where none runs."""
        running = self.running()
        process = running.process if running else None
        if process is None:
            return False
        family = [process, *process.children(recursive=True)]
        for member in family:
            _signal(member, "terminate")
        _, alive = psutil.wait_procs(family, timeout=STOP_PATIENCE_S)
        for member in alive:
            _signal(member, "kill")
        psutil.wait_procs(alive, timeout=STOP_PATIENCE_S)
        return True

    def _prepare(self, installation: Installation) -> Credentials:
        """The data folder and the account, made once."""
        data = self.path / "data"
        if not (data / DATABASE).exists():
            data.mkdir(exist_ok=True, mode=0o700)
            unfinished = data / (DATABASE + ".unfinished")
            shutil.copyfile(installation.template, unfinished)
            unfinished.rename(data / DATABASE)
        known = self.credentials()
        if known:
            return known
        made = Credentials(ADMIN, secrets.token_urlsafe(18), secrets.token_hex(20))
        write_private(self.path / "credentials.json", json.dumps(asdict(made)))
        return made

    def _start(self, program: Path, environment: Mapping[str, str], documents: Path, port: int) -> Running:
        last = ""
        for _ in range(PORT_TRIES):
            chosen = port or _free_port(self._last_port())
            process = self._launch(program, environment, chosen)
            last = self._wait(process, chosen)
            if not last:
                state = Running(
                    url=f"http://{HOST}:{chosen}",
                    pid=process.pid,
                    started=process.create_time(),
                    document_root=str(documents),
                )
                write_private(self.path / "server.json", json.dumps(asdict(state)))
                return state
            _signal(process, "kill")
            psutil.wait_procs([process], timeout=STOP_PATIENCE_S)
            if port or "moved" not in last:
                break
        raise ServiceUnavailable(f"Label Studio did not start: {last}; see {self.path / 'server.log'}.")

    def _last_port(self) -> int:
        path = self.path / "server.json"
        if not path.exists():
            return 0
        return int(json.loads(path.read_text(encoding="utf-8"))["url"].rsplit(":", 1)[1])

    def _environment(self, account: Credentials, documents: Path, local_calls: bool) -> dict[str, str]:
        return data_environment(self.path / "data") | {
            "LABEL_STUDIO_USERNAME": account.email,
            "LABEL_STUDIO_PASSWORD": account.password,
            "LABEL_STUDIO_USER_TOKEN": account.token,
            "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
            "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
            "TASK_LOCK_TTL": str(LOCK_S),
            "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
            "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(documents),
            "DJANGO_SETTINGS_MODULE": SETTINGS_MODULE,
            "PYTHONPATH": str(self.path / "settings"),
            "LABEL_STUDIO_SSRF_PROTECTION_ENABLED": "false" if local_calls else "true",
        }

    def _launch(self, program: Path, environment: Mapping[str, str], port: int) -> psutil.Process:
        settings = self.path / "settings" / f"{SETTINGS_MODULE}.py"
        settings.parent.mkdir(exist_ok=True, mode=0o700)
        write_private(settings, SETTINGS)
        log = self.path / "server.log"
        log.touch(mode=0o600)
        server = (str(program), "start", "--no-browser", "--internal-host", HOST, "--port", str(port))
        # A shell starts it and ends at once: the server outlives the command that started it, and no command
        # has to wait for it.
        started = subprocess.run(
            ["/bin/sh", "-c", '"$@" >>"$0" 2>&1 & echo $!', str(log), *server],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            cwd=self.path,
            env=dict(environment),
            start_new_session=True,
            check=True,
        )
        return psutil.Process(int(started.stdout))

    def _wait(self, process: psutil.Process, port: int) -> str:
        """Wait until the server answers; returns why it does not, empty where it does.

        Label Studio moves to the next port without a word where its port is taken, so what answers on the
        port may be a stranger: the port must be one that our process listens on.
        """
        until = time.monotonic() + START_PATIENCE_S
        while time.monotonic() < until:
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                return "its process ended"
            listening = _listening(process.pid)
            if listening and port not in listening:
                return f"port {port} was taken and it moved to {min(listening)}"
            if listening and _is_healthy(port):
                return ""
            time.sleep(0.1)
        return f"no answer within {START_PATIENCE_S:.0f} s"


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    unfinished = path.with_name(path.name + ".unfinished")
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text + "\n")
    unfinished.rename(path)


def _free_port(wanted: int) -> int:
    """`wanted` if nothing listens there, else any free port of this machine."""
    for port in (wanted, 0) if wanted else (0,):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ServiceUnavailable("this machine has no free port.")


def _listening(pid: int) -> set[int]:
    """Ports that a process of ours listens on."""
    try:
        connections = psutil.Process(pid).net_connections(kind="tcp")
    except psutil.Error:
        return set()
    return {c.laddr.port for c in connections if c.status == psutil.CONN_LISTEN}


def _is_healthy(port: int) -> bool:
    try:
        return httpx.get(f"http://{HOST}:{port}/health", timeout=5, trust_env=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _signal(process: psutil.Process, name: str) -> None:
    try:
        getattr(process, name)()
    except psutil.NoSuchProcess:
        return
