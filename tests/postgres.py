"""A PostgreSQL of the test session's own: a cluster in a temporary folder, reached through a socket there."""

from __future__ import annotations

import ctypes
import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

PR_SET_PDEATHSIG = 1
USER = "cityops"
BOTH = ("sqlite", "postgresql")  # what a module's DATABASES may be


def binaries() -> Path | None:
    """The folder with initdb and postgres, of the newest PostgreSQL on this machine; None where there is none."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else []
    folders += [Path(p).parent for p in sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), reverse=True)]
    return next((folder for folder in folders if (folder / "postgres").exists()), None)


class Postgres:
    """A running server. Each test asks `database` for one of its own."""

    def __init__(self, bin_: Path) -> None:
        self._bin = bin_
        self.folder = Path(tempfile.mkdtemp(prefix="cityops-pg-"))
        self._user: dict[str, str] = {}
        if os.getuid() == 0:  # PostgreSQL refuses to run as root
            name = "postgres" if any(p.pw_name == "postgres" for p in pwd.getpwall()) else "nobody"
            self._user = {"user": name}
            shutil.chown(self.folder, name)
        made = subprocess.run(
            [bin_ / "initdb", "-D", self.folder / "data", "-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale", "-N"],
            capture_output=True, cwd="/", **self._user,  # type: ignore[call-overload]
        )  # fmt: skip
        assert made.returncode == 0, made.stderr.decode()
        self._start()

    def _start(self) -> None:
        libc = ctypes.CDLL(None)
        options = {
            "listen_addresses": "",
            "unix_socket_directories": self.folder,
            "fsync": "off",
            "full_page_writes": "off",
        }
        words = [w for k, v in options.items() for w in ("-c", f"{k}={v}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self.folder / "data", *words],
                stdout=log, stderr=log, cwd="/", **self._user,  # type: ignore[call-overload]
                preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGINT),
            )  # fmt: skip
        until = time.monotonic() + 20
        while True:
            try:
                self.execute("SELECT 1")
                return
            except OperationalError:
                assert self._process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < until, "PostgreSQL does not come up"
                time.sleep(0.05)

    @property
    def url(self) -> str:
        return f"postgresql://{USER}@/postgres?host={self.folder}"

    def database(self) -> str:
        """The URL of what is an empty database to its user: a schema of its own, which is made and gone much faster."""
        name = f"t{uuid.uuid4().hex[:12]}"
        self.execute(f"CREATE SCHEMA {name}")
        return f"{self.url}&options=-csearch_path%3D{name}"

    def cut(self) -> None:
        """End all connections, as a restart of the server does."""
        self.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE usename = '{USER}' AND pid <> pg_backend_pid()"
        )

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        """Run a statement as the administrator; its rows."""
        engine = create_engine(self.url.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                done = connection.exec_driver_sql(statement)
                return [tuple(row) for row in done] if done.returns_rows else []
        finally:
            engine.dispose()

    def remove(self) -> None:
        self._process.send_signal(signal.SIGQUIT)  # at once: nothing is kept
        self._process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)
