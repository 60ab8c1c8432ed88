"""A PostgreSQL of the tests' own: its cluster is made, started and stopped here, and listens on a socket file only."""

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

OWNER = "postgres"


@dataclass(frozen=True)
class Cluster:
    folder: Path

    def create(self, name: str) -> str:
        """Makes an empty database; its URL."""
        return self._create(name, "")

    def create_from(self, template: str) -> str:
        """Makes a copy of a database under a new name; its URL."""
        return self._create(f"t_{uuid.uuid4().hex}", f"TEMPLATE {template}")

    def _create(self, name: str, options: str) -> str:
        with psycopg.connect(self._dsn(OWNER), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} {options}".encode())
        return f"postgresql+psycopg://{OWNER}@/{name}?host={self.folder}"

    def _dsn(self, database: str) -> str:
        return f"host={self.folder} user={OWNER} dbname={database}"


def find() -> Path | None:
    """The folder of PostgreSQL's own programs: on the PATH, or where Debian keeps them."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    return max(Path("/usr/lib/postgresql").glob("*/bin/initdb"), default=Path()).parent if _debian() else None


def _debian() -> bool:
    return any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


@contextmanager
def running(binaries: Path, **more: str) -> Iterator[Cluster]:
    """`more` settings of the server, by name."""
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    user = OWNER if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    if user:
        shutil.chown(folder, user)
    data = folder / "data"
    initdb = [binaries / "initdb", "-D", data, "-U", OWNER, "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C"]
    subprocess.run(initdb, check=True, user=user, stdout=subprocess.DEVNULL, cwd=folder)
    settings = {
        "fsync": "off",
        "listen_addresses": "",
        "unix_socket_directories": folder,
        "max_connections": 500,  # a killed worker leaves its own until the server notices
    } | more
    options = [f"-c{name}={value}" for name, value in settings.items()]
    log = (folder / "log").open("wb")
    server = subprocess.Popen(
        [binaries / "postgres", "-D", data, *options], user=user, stdout=log, stderr=log, cwd=folder
    )
    try:
        _wait(server, folder, more.get("port", "5432"))
        yield Cluster(folder)
    finally:
        server.terminate()
        server.wait(30)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(server: subprocess.Popen[bytes], folder: Path, port: str) -> None:
    for _ in range(200):
        try:
            psycopg.connect(f"host={folder} port={port} user={OWNER} dbname=postgres").close()
            return
        except psycopg.OperationalError:
            try:
                server.wait(0.1)
                break
            except subprocess.TimeoutExpired:
                continue
    raise RuntimeError((folder / "log").read_text())
