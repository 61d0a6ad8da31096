"""Reading addresses of the web with care: limits on time and size, retries, no private addresses, opt-outs heard."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit, urlunsplit

from schemas.codes import QuarantineReason
from warehouse.sources.entries import Content, Unreadable
from warehouse.sources.folder import too_large

CHUNK = 1 << 16
PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
MOVED_STATUS = frozenset({301, 302, 303, 307, 308})
MOST_MOVES = 5


@dataclass(frozen=True)
class WebManners:
    """How addresses are read.

    Parameters
    ----------
    seconds : float
        For one try, all of it.
    tries : int
        With growing pauses, after faults that may pass.
    private_addresses : bool
        Also read from addresses of this machine and of private networks.
    refused_words : tuple of str
        Words of the header ``X-Robots-Tag`` that forbid use.
    """

    seconds: float = 30.0
    tries: int = 3
    private_addresses: bool = False
    refused_words: tuple[str, ...] = ("noai", "noimageai")


class _PassingFault(Exception):
    """Another try may succeed."""


@dataclass(frozen=True)
class WebFile:
    """A file behind an ``http(s)://`` address."""

    url: str
    manners: WebManners = field(default_factory=WebManners)

    def read(self, most: int) -> Content:
        """Read it; raises `Unreadable` with what the server or the limits said."""
        said = ""
        for number in range(self.manners.tries):
            if number:
                time.sleep(min(2.0**number, 10.0))
            try:
                return self._read_once(most)
            except (_PassingFault, OSError, http.client.HTTPException) as error:
                said = str(error) or type(error).__name__
        raise Unreadable(QuarantineReason.UNREADABLE, f"{self.manners.tries} tries, the last: {said}"[:300])

    def _read_once(self, most: int) -> Content:
        until = time.monotonic() + self.manners.seconds
        url = self.url
        for _ in range(MOST_MOVES):
            connection, target = self._connect(url)
            try:
                connection.request("GET", target, headers={"User-Agent": "salon-ingest", "Accept": "image/*,*/*;q=0.5"})
                with connection.getresponse() as answer:
                    if answer.status in MOVED_STATUS:
                        url = urljoin(url, answer.getheader("Location") or "")
                        continue
                    _check_status(answer.status, answer.reason)
                    check_opt_out(dict(answer.getheaders()), self.manners.refused_words)
                    return Content(_body(answer, most, until))
            finally:
                connection.close()
        raise Unreadable(QuarantineReason.UNREADABLE, f"moved more than {MOST_MOVES} times")

    def _connect(self, url: str) -> tuple[http.client.HTTPConnection, str]:
        """A connection to an address that was looked at, and the path to ask for."""
        parts = urlsplit(url)
        try:
            port = parts.port or {"http": 80, "https": 443}[parts.scheme]
            host = parts.hostname or ""
            address = self._allowed_address(host, port)
        except (KeyError, ValueError):
            raise Unreadable(QuarantineReason.UNSAFE_PATH, f"{url[:200]}: no address of http or https") from None
        raw = socket.create_connection(address, timeout=self.manners.seconds)
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(host, port, timeout=self.manners.seconds)
            raw = ssl.create_default_context().wrap_socket(raw, server_hostname=host)
        else:
            connection = http.client.HTTPConnection(host, port, timeout=self.manners.seconds)
        # The very address that was checked is used: a name may not lead elsewhere a moment later.
        connection.sock = raw
        return connection, urlunsplit(("", "", parts.path or "/", parts.query, ""))

    def _allowed_address(self, host: str, port: int) -> tuple[str, int]:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [str(info[4][0]) for info in found]
        if not self.manners.private_addresses:
            private = [name for name in addresses if not ipaddress.ip_address(name.split("%")[0]).is_global]
            if private:
                raise Unreadable(QuarantineReason.UNSAFE_PATH, f"{host} is a private address ({private[0]})")
        return addresses[0], port


def _check_status(status: int, reason: str) -> None:
    if status in PASSING_STATUS:
        raise _PassingFault(f"the server said {status} {reason}")
    if status != http.client.OK:
        raise Unreadable(QuarantineReason.UNREADABLE, f"the server said {status} {reason}"[:200])


def _body(answer: http.client.HTTPResponse, most: int, until: float) -> bytes:
    told = answer.getheader("Content-Length")
    if told is not None and told.isdigit() and int(told) > most:
        raise too_large(int(told), most)
    parts, size = [], 0
    while chunk := answer.read(CHUNK):
        parts.append(chunk)
        size += len(chunk)
        if size > most:
            raise too_large(size, most)
        if time.monotonic() > until:
            raise _PassingFault(f"only {size:,} bytes within the time limit")
    if told is not None and told.isdigit() and size < int(told):
        raise _PassingFault(f"{size:,} of {told} bytes came")
    return b"".join(parts)


def check_opt_out(headers: Mapping[str, str], refused_words: tuple[str, ...]) -> None:
    """Raise `Unreadable` where response headers forbid use: ``X-Robots-Tag: noai``, ``TDM-Reservation: 1``."""
    plain = {name.lower(): value for name, value in headers.items()}
    for rule in plain.get("x-robots-tag", "").lower().split(","):
        agent, colon, word = rule.rpartition(":")
        if word.strip() in refused_words and (not colon or agent.strip() in ("*", "salon-ingest", "")):
            raise Unreadable(QuarantineReason.OPTED_OUT, f"X-Robots-Tag: {rule.strip()}")
    if plain.get("tdm-reservation", "").strip() == "1":
        raise Unreadable(QuarantineReason.OPTED_OUT, "TDM-Reservation: 1")
