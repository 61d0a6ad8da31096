"""A prefix or glob of an S3 bucket, listed in columns: prefixes side by side, no Python object for each key.

Listing five million keys through fsspec takes six minutes of processor time, this way a quarter of one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.compute as pc

from schemas.codes import QuarantineReason
from schemas.errors import NotAuthorised, ServiceUnavailable, WrongUse
from warehouse.sources.entries import LISTED_SCHEMA, Address, Content, Entry, Unreadable, listed_table
from warehouse.sources.folder import too_large
from warehouse.sources.object_names import entry_of_object, may_be_pictures
from warehouse.sources.remote import RemoteFile, RemoteSource
from warehouse.sources.side_by_side import side_by_side

if TYPE_CHECKING:
    from obstore.store import RetryConfig, S3Credential, S3Store

LISTERS = 16
"""Prefixes that are listed at once."""
ENOUGH_PREFIXES = 4 * LISTERS
DEEPEST = 3
"""Levels of folders that are looked into for prefixes to list side by side."""
ROWS = 10_000
CREDENTIALS_HOLD = timedelta(minutes=5)
PATIENCE = timedelta(minutes=5)
RETRYING: RetryConfig = {"max_retries": 6, "retry_timeout": timedelta(minutes=2)}
"""A listing goes on after faults that pass; what stays broken for longer is the flow's to try again."""


def address_of(url: str, listed: int) -> Address:
    """How an object with this address is read: by obstore where it is there, else by fsspec."""
    return ObjectFile(url) if lists_in_columns(url) else RemoteFile(url, listed=listed)


def lists_in_columns(text: str) -> bool:
    """Whether an address is listed by this module: S3, where the extra is installed."""
    if urlsplit(text).scheme not in ("s3", "s3a"):
        return False
    try:
        import obstore  # noqa: F401
    except ImportError:
        return False
    return True


@dataclass
class ObjectStoreSource:
    """An S3 address: a bucket, a prefix, a glob or one object.

    Parameters
    ----------
    name : str
        As the person gave it.
    """

    name: str
    _ignored: dict[str, int] = field(default_factory=dict)

    def ignored(self) -> dict[str, int]:
        """Objects passed over, by ending."""
        return dict(self._ignored)

    def entries(self) -> Iterator[Entry]:
        """All objects below the prefix."""
        for table in self.tables():
            yield from (self.entry(row) for row in table.to_pylist())

    def tables(self) -> Iterator[pa.Table]:
        """The same as tables of `LISTED_SCHEMA`, some thousand rows each, in no particular order."""
        try:
            if self._pattern is None:
                yield from self._below(self._key)
            else:
                wanted = self._pattern
                for table in self._below(self._key):
                    matches = [wanted.fullmatch(uri) is not None for uri in table["uri"].to_pylist()]
                    yield table.filter(pa.array(matches, pa.bool_()))
        except FileNotFoundError:
            raise WrongUse(f"{self.name}: there is no such address.") from None
        except PermissionError as error:
            raise NotAuthorised(f"{self.name}: the store refuses ({error}).") from error

    def entry(self, row: dict[str, Any]) -> Entry:
        """The entry of a row of `tables`."""
        return entry_of_object(self.name, row, ObjectFile(row["uri"]))

    # -- where -----------------------------------------------------------------------------------------
    @cached_property
    def _bucket(self) -> str:
        return urlsplit(self.name).netloc

    @cached_property
    def _key(self) -> str:
        """The prefix to list; of a glob, the folders before the first sign that stands for others."""
        path = self.name.partition("://")[2].partition("/")[2].strip("/")
        found = re.search(r"[*?\[]", path)
        return path if found is None else path[: found.start()].rpartition("/")[0]

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        from fsspec.utils import glob_translate

        path = f"s3://{self._bucket}/{self.name.partition('://')[2].partition('/')[2].strip('/')}"
        return re.compile(glob_translate(path)) if re.search(r"[*?\[]", path) else None

    @cached_property
    def _store(self) -> S3Store:
        return store_of(self._bucket)

    # -- listing ---------------------------------------------------------------------------------------
    def _below(self, prefix: str) -> Iterator[pa.Table]:
        from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

        try:
            found = False
            prefixes, tables = self._spread(prefix)
            for table in tables:
                found = found or table.num_rows > 0
                yield may_be_pictures(table, self._ignored)
            jobs = [lambda one=one: self._one_prefix(one) for one in prefixes]
            for table in side_by_side(jobs, LISTERS):
                found = found or table.num_rows > 0
                yield may_be_pictures(table, self._ignored)
            if not found and prefix:
                yield may_be_pictures(self._as_listed([self._store.head(prefix)]), self._ignored)
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise PermissionError(_first_line(error)) from error
        except BaseError as error:
            if "NoSuchBucket" in str(error):
                raise FileNotFoundError(self._bucket) from error
            raise ServiceUnavailable(f"{self.name}: the store does not answer ({_first_line(error)}).") from error

    def _spread(self, prefix: str) -> tuple[list[str], list[pa.Table]]:
        """Prefixes to be listed side by side, and what lies above them."""
        from obstore.exceptions import InvalidPathError

        frontier = [prefix]
        above: list[pa.Table] = []
        for _ in range(DEEPEST):
            deeper: list[str] = []
            level: list[pa.Table] = []
            try:
                for one in frontier:
                    answer = self._store.list_with_delimiter(one or None)
                    deeper += answer["common_prefixes"]
                    level.append(self._as_listed(answer["objects"]))
            except InvalidPathError:
                return frontier, above  # each is listed by itself, and its odd keys with it
            frontier = deeper
            above += level
            if not frontier or len(frontier) >= ENOUGH_PREFIXES:
                break
        return frontier, above

    def _one_prefix(self, prefix: str) -> Iterator[pa.Table]:
        """All objects below one prefix; by fsspec from the first key on that obstore cannot name."""
        from obstore.exceptions import InvalidPathError

        last = ""
        try:
            for batch in self._store.list(prefix or None, chunk_size=ROWS, return_arrow=True):
                table = self._columns(pa.table(batch))
                last = table["uri"][-1].as_py() if table.num_rows else last
                yield table
        except InvalidPathError:
            plain = RemoteSource(f"s3://{self._bucket}/{prefix}")
            rest = [entry for entry in plain.entries() if entry.uri > last]
            for ending, number in plain.ignored().items():
                self._ignored[ending] = self._ignored.get(ending, 0) + number
            for start in range(0, len(rest), ROWS):
                yield listed_table(rest[start : start + ROWS])

    def _as_listed(self, objects: Any) -> pa.Table:
        names = ("path", "last_modified", "size", "e_tag")
        columns = {name: [one[name] for one in objects] for name in names}
        schema = pa.schema(
            [("path", pa.string()), ("last_modified", pa.timestamp("us", "UTC")), ("size", pa.int64()),
             ("e_tag", pa.string())]
        )  # fmt: skip
        return self._columns(pa.table(columns, schema=schema))

    def _columns(self, listed: pa.Table) -> pa.Table:
        """Rows of `LISTED_SCHEMA` from what obstore tells."""
        return pa.table(
            {
                "uri": pc.binary_join_element_wise(f"s3://{self._bucket}", listed["path"], "/"),
                "size": listed["size"].cast(pa.int64()),
                "modified_at": listed["last_modified"],
                "etag": pc.utf8_trim(pc.fill_null(listed["e_tag"], ""), '"'),
            },
            schema=LISTED_SCHEMA,
        )


@dataclass(frozen=True)
class ObjectFile:
    """An object of a bucket, read in one request."""

    url: str

    def read(self, most: int) -> Content:
        """Read it whole; raises `Unreadable`, also where it has more than `most` bytes."""
        from obstore.exceptions import BaseError, InvalidPathError

        parts = urlsplit(self.url)
        try:
            answer = store_of(parts.netloc).get(self.url.split("/", 3)[3])
            told = answer.meta
            if told["size"] > most:
                raise too_large(told["size"], most)
            return Content(bytes(answer.bytes()), told["size"], told["last_modified"].astimezone(UTC))
        except (InvalidPathError, ValueError):
            return RemoteFile(self.url).read(most)  # a key that obstore cannot name
        except FileNotFoundError:
            raise Unreadable(QuarantineReason.UNREADABLE, "it vanished before it was read") from None
        except (BaseError, OSError) as error:
            raise Unreadable(QuarantineReason.UNREADABLE, f"it cannot be read: {type(error).__name__}") from error


@lru_cache(maxsize=16)
def store_of(bucket: str) -> S3Store:
    """The client of a bucket, one for each process.

    Raises
    ------
    NotAuthorised
        There are no credentials.
    """
    from obstore.store import S3Store

    return S3Store(
        bucket,
        client_options={"allow_http": True, "timeout": PATIENCE},
        credential_provider=credentials(f"s3://{bucket}"),
        retry_config=RETRYING,
    )


def credentials(name: str) -> Callable[[], S3Credential]:
    """Credentials for obstore as botocore finds them (environment, profiles, roles): s3fs reads with the same.

    Raises
    ------
    NotAuthorised
        There are none.
    """
    from botocore.session import Session

    found = Session().get_credentials()
    if found is None:
        raise NotAuthorised(
            f"{name}: no credentials for S3; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE)."
        )

    def of_this_moment() -> S3Credential:
        now = found.get_frozen_credentials()  # botocore renews them when their time is up
        return {
            "access_key_id": now.access_key,
            "secret_access_key": now.secret_key,
            "token": now.token,
            "expires_at": datetime.now(UTC) + CREDENTIALS_HOLD,
        }

    return of_this_moment


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300]
