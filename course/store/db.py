"""Engines and transactions for SQLite and PostgreSQL.

Durability is a property of a transaction. `write` survives a power cut once it has returned; `relaxed` may lose the
newest commits in one, never their order (a later `write` makes all earlier ones durable); `read` sees one snapshot.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from course.core.errors import CourseError

Mode = Literal["write", "relaxed", "read"]
BUSY_SECONDS = 30  # how long a writer waits for another one on SQLite
POOL = 32  # web threads, worker threads, and some to spare


class Database:
    """One database, by URL. Safe to share between threads; makes no connection until it is used."""

    def __init__(self, url: str) -> None:
        self.url = _read(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _sqlite(self.url) if self.is_sqlite else _postgresql(self.url)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A durable transaction: committed at the end, rolled back on an exception."""
        with self._transaction("write") as session:
            yield session

    @contextmanager
    def relaxed(self) -> Iterator[Session]:
        """A transaction whose loss in a power cut is repaired by itself (records, caches, heartbeats)."""
        with self._transaction("relaxed") as session:
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A snapshot; takes no write lock, so it never waits for a writer."""
        with self._transaction("read") as session:
            yield session

    @contextmanager
    def _transaction(self, mode: Mode) -> Iterator[Session]:
        engine = self.engine.execution_options(mode=mode)
        with Session(engine, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        self.engine.dispose()


def _read(url: str) -> URL:
    try:
        found = make_url(url)
    except (ArgumentError, ValueError):
        raise CourseError("COURSE_DATABASE_URL cannot be read as an address of a database.") from None
    # What the plain name means depends on SQLAlchemy's release; we have this driver.
    return found.set(drivername="postgresql+psycopg") if found.drivername == "postgresql" else found


def _sqlite(url: URL) -> Engine:
    memory: dict[str, Any] = {} if url.database in {None, "", ":memory:"} else {"pool_size": POOL}
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, **memory)

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # BEGIN is ours, see below
        for pragma in (
            "journal_mode=WAL",
            "foreign_keys=ON",
            "cache_size=-65536",  # 64 MB
            "wal_autocheckpoint=16000",  # pages; at the default of 1,000 nearly every batch is a checkpoint
            "fullfsync=1",  # macOS: without it a sync is not one
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        mode: Mode = connection.get_execution_options().get("mode", "write")
        connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if mode == 'write' else 'NORMAL'}")
        # A deferred transaction that turns into a writer fails at once when another writer came between.
        connection.exec_driver_sql("BEGIN" if mode == "read" else "BEGIN IMMEDIATE")

    return engine


def _postgresql(url: URL) -> Engine:
    engine = create_engine(url, pool_size=POOL, pool_pre_ping=True)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        mode: Mode = connection.get_execution_options().get("mode", "write")
        if mode == "relaxed":
            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
        elif mode == "read":
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")

    return engine


def insert_of(session: Session) -> Any:
    """The dialect's own `insert`, which knows ON CONFLICT."""
    return sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
