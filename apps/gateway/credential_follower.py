"""Keeps what the gateway knows of credentials true: asks the database again and again for what changed.

While the database is away, what was known holds, for as long as `revocations_max_age_seconds` says. A process that
starts meanwhile reads what the one before it knew from a file of the pod's own; it holds digests, no credential.
"""

import asyncio
import logging
import math
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime

import asyncpg
import msgspec

from apps.gateway.errors import UnverifiableError
from apps.gateway.known_credentials import KnownCredentials
from apps.gateway.metrics import REVOCATIONS_AGE
from apps.gateway.settings import GatewaySettings
from apps.storage import credentials
from apps.storage.connection import connect_arguments
from apps.storage.credentials import Changes

POLL_SECONDS = 5.0
"""Between two looks. A gateway that reaches the database knows of a revocation after this time and a query's."""
ASK_SECONDS = 0.25
"""Between two looks that are wanted sooner, because a credential is not known: it may be a second old."""
FULL_SECONDS = 600.0
"""How often everything is read: for what expired or was forgotten, and for a database that was set back."""
USES_SECONDS = 60.0
"""How often uses of credentials are written down."""
QUERY_SECONDS = 10.0
KEEP_SECONDS = 60.0
"""How often the file is made to say that its content still holds."""

_UNREACHABLE = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)

log = logging.getLogger(__name__)


class CredentialFollower:
    """Follows the database into `known`. Use `running` around the time in which it shall.

    Raises ConfigurationError when the settings do not say how to connect.
    """

    def __init__(self, settings: GatewaySettings, known: KnownCredentials, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._connect = connect_arguments(settings, "gateway") | {"timeout": 5, "command_timeout": QUERY_SECONDS}
        self._known = known
        self._now = now
        self._database = f"{settings.database_host}:{settings.database_port}/{settings.database_name}"
        self._wanted = asyncio.Event()
        self._refreshed: asyncio.Future[bool] | None = None
        self._uses: dict[str, datetime] = {}
        self._full_due = self._uses_due = self._keep_due = 0.0
        self._reachable = True
        self._kept_version: int | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow until the block ends; then write down the last uses."""
        self._read_file()
        REVOCATIONS_AGE.set_function(self._age)
        # It connects when a connection is first wanted, so this works without the database too.
        pool = asyncpg.create_pool(**self._connect, min_size=0, max_size=1, max_inactive_connection_lifetime=300)
        await pool
        following = asyncio.create_task(self._follow(pool))
        try:
            yield
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
            with suppress(*_UNREACHABLE):
                await self._write_uses(pool)
            pool.terminate()

    def note_use(self, credential_id: str) -> None:
        """Note that a credential was used."""
        self._uses[credential_id] = self._now()

    async def refresh(self) -> None:
        """Return once the database was asked after this call. Raises UnverifiableError when it does not answer."""
        self._wanted.set()
        if self._refreshed is None:
            self._refreshed = asyncio.get_running_loop().create_future()
        if not await asyncio.shield(self._refreshed):
            raise UnverifiableError("the credential is not known, and the database that knows it does not answer")

    def _age(self) -> float:
        return math.inf if self._known.age is None else self._known.age

    async def _follow(self, pool: asyncpg.Pool) -> None:
        while True:
            waiter, self._refreshed = self._refreshed, None
            self._wanted.clear()
            answered = await self._try(pool)
            if waiter is not None:
                waiter.set_result(answered)
            await asyncio.sleep(ASK_SECONDS)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), POLL_SECONDS - ASK_SECONDS)

    async def _try(self, pool: asyncpg.Pool) -> bool:
        try:
            async with asyncio.timeout(QUERY_SECONDS):
                await self._read_changes(pool)
                await self._write_uses(pool)
        except _UNREACHABLE as error:
            if self._reachable:
                log.warning("revocations are not known from now on: %s: %r", self._database, error)
            self._reachable = False
            return False
        if not self._reachable:
            log.warning("revocations are known again")
        self._reachable = True
        with suppress(OSError):
            self._keep_file()
        return True

    async def _read_changes(self, pool: asyncpg.Pool) -> None:
        now = time.monotonic()
        is_full = now >= self._full_due
        async with pool.acquire() as connection:
            changes = await credentials.changes(connection, None if is_full else self._known.version)
        if changes is not None:
            self._known.apply(changes)
            if self._known.is_truncated:
                log.error("more than MAX_KNOWN_CREDENTIALS=%d hold: raise it", self._settings.max_known_credentials)
        self._known.confirm(time.monotonic() - now)
        if is_full:
            self._full_due = now + FULL_SECONDS

    async def _write_uses(self, pool: asyncpg.Pool) -> None:
        if not self._uses or time.monotonic() < self._uses_due:
            return
        uses, self._uses = self._uses, {}
        try:
            async with pool.acquire() as connection:
                await credentials.record_uses(connection, uses)
        except _UNREACHABLE:
            self._uses = uses | self._uses
            raise
        self._uses_due = time.monotonic() + USES_SECONDS

    def _read_file(self) -> None:
        path = self._settings.knowledge_path
        try:
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
                content = _KEPT.decode(file.read())
        except FileNotFoundError:
            return
        except (OSError, msgspec.DecodeError) as error:
            log.warning("%s cannot be used: %s", path, error)
            return
        # Anybody may write into the directory of temporary files.
        if status.st_uid != os.getuid() or content.database != self._database:
            return
        self._known.apply(content.changes)
        self._known.confirm(max(0.0, (self._now() - content.confirmed_at).total_seconds()))

    def _keep_file(self) -> None:
        changed = self._known.version != self._kept_version
        if self._known.is_truncated or not (changed or time.monotonic() >= self._keep_due):
            return
        path = self._settings.knowledge_path
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        content = msgspec.msgpack.encode(_Kept(self._database, self._now(), self._known.everything()))
        with suppress(FileNotFoundError):
            part.unlink()
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        part.replace(path)
        self._kept_version, self._keep_due = self._known.version, time.monotonic() + KEEP_SECONDS


class _Kept(msgspec.Struct, frozen=True):
    database: str
    confirmed_at: datetime
    changes: Changes


_KEPT = msgspec.msgpack.Decoder(_Kept)
