"""`python -m apps.api keys`: keys made, listed and revoked where there is no dashboard, or nobody can sign in any more.

It asks the database itself, as whoever may run it in the API's place could, and the audit trail names that person's
account on the machine.
"""

import argparse
import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

from apps.api import audit
from apps.api import keys as key_text
from apps.api.caller import Caller
from apps.api.database import Database
from apps.api.errors import DatabaseUnavailableError
from apps.api.limits import Limits
from apps.api.permissions import ALL_SCOPES, ROLE_SCOPES, VIEWER_SCOPES, Permission, Role
from apps.api.queries import keys
from apps.api.settings import ApiSettings
from apps.platform.errors import ConfigurationError
from apps.platform.settings import load

Command = Callable[[Database, Caller, argparse.Namespace], Awaitable[int]]


def main(arguments: Sequence[str]) -> int:
    """Run one command; return its exit code: 0 done, 1 not done, 2 bad settings."""
    options = _parser().parse_args(arguments)
    try:
        settings = load(ApiSettings)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    caller = Caller(f"{getpass.getuser()} (command)", ALL_SCOPES, address="command line")
    try:
        return asyncio.run(_run(settings, caller, options))
    except DatabaseUnavailableError as error:
        print(error, file=sys.stderr)
        return 1


async def _run(settings: ApiSettings, caller: Caller, options: argparse.Namespace) -> int:
    database = Database(settings, Limits())
    await database.open()
    try:
        command: Command = options.command
        return await command(database, caller, options)
    finally:
        await database.close()


async def _list(database: Database, _: Caller, options: argparse.Namespace) -> int:
    for key in await keys.find(database, options.limit, None):
        state = "revoked" if key.revoked_at else f"expires {key.expires_at:%Y-%m-%d}" if key.expires_at else "valid"
        used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
        print(f"{key.key_id}  {state}  last used {used}  {key.name!r} of {key.owner}: {' '.join(key.scopes)}")
    return 0


async def _make(database: Database, caller: Caller, options: argparse.Namespace) -> int:
    scopes = frozenset(options.scope) | (ROLE_SCOPES[options.role] if options.role else frozenset())
    if not scopes:
        print("a key that may do nothing: give --role or --scope", file=sys.stderr)
        return 1
    if options.label and (unlimited := sorted(scopes - VIEWER_SCOPES)):
        print(f"--label limits what is seen, and not {', '.join(unlimited)}: leave out either", file=sys.stderr)
        return 1
    new = key_text.make()
    async with database.transaction():
        key = await keys.create(
            database,
            new.key_id,
            new.key_hash,
            name=options.name,
            scopes=scopes,
            labels=frozenset(options.label) or None,
            owner=caller.actor,
            expires_at=datetime.now(UTC) + timedelta(days=options.days) if options.days else None,
        )
        await audit.record(database, caller, "key.make", new.key_id, after=key)
    print(new.text)
    return 0


async def _revoke(database: Database, caller: Caller, options: argparse.Namespace) -> int:
    async with database.transaction():
        before = await keys.revoke(database, options.key_id, caller.actor)
        if before is None:
            print(f"there is no key {options.key_id}: list them with `keys list`", file=sys.stderr)
            return 1
        if before.revoked_at is None:
            await audit.record(database, caller, "key.revoke", options.key_id, before=before)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m apps.api keys", description="Keys of programs.")
    commands = parser.add_subparsers(required=True)
    listing = commands.add_parser("list", help="show the newest keys")
    listing.add_argument("--limit", type=int, default=100)
    listing.set_defaults(command=_list)
    making = commands.add_parser("make", help="make a key and print it, this once")
    making.add_argument("name", help="what it is for")
    making.add_argument("--role", type=Role, choices=[*Role], help="may do what this role may")
    making.add_argument(
        "--scope", type=Permission, choices=sorted(ALL_SCOPES), action="append", default=[], help="may do this too"
    )
    making.add_argument("--label", action="append", default=[], help="sees the devices with this label alone")
    making.add_argument("--days", type=int, help="works for so many days; else until it is revoked")
    making.set_defaults(command=_make)
    revoking = commands.add_parser("revoke", help="revoke a key")
    revoking.add_argument("key_id", help="the part of the key after sak_, as `list` shows it")
    revoking.set_defaults(command=_revoke)
    return parser
