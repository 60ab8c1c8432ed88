"""Engines and transactions for SQLite and PostgreSQL.

Durability is a property of a transaction. `write` survives a power cut once it has returned; `relaxed` may lose the
newest commits in one, never their order (a later `write` makes all earlier ones durable); `read` sees one snapshot.
On SQLite others may see what is committed a moment before it survives a power cut: nothing that follows from it gets
there before it, since there is one log, and whoever acts on it outside has written first.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from threading import Lock
from typing import Any, Literal

from sqlalchemy import URL, ColumnElement, Connection, Engine, Exists, create_engine, event, make_url, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from course.core.errors import CourseError
from course.store.sync import SharedSync

Mode = Literal["write", "relaxed", "read"]
BUSY_SECONDS = 30  # how long a writer waits for another one on SQLite
IDLE_SECONDS = 60  # how long a transaction of ours may say nothing on PostgreSQL, unless it only reads
# Each side of a connection to PostgreSQL notices within a minute that the other one is gone. By default it takes two
# hours: of a worker that waits for its answer, or of the locks of a machine that lost its power in mid-statement.
ALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 60_000}
POOL = 32  # web threads, worker threads, and some to spare
HIDE = {"hide_parameters": True}  # from errors: they are people's addresses and names, and errors are logged
OPENINGS = 100  # tries to be the one that makes a new file a WAL file


class Database:
    """One database, by URL. Safe to share between threads; makes no connection until it is used."""

    def __init__(self, url: str) -> None:
        self.url = _read(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _sqlite(self.url) if self.is_sqlite else _postgresql(self.url)
        self._writing, self.sync = Lock(), SharedSync()

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A durable transaction: committed at the end, rolled back on an exception."""
        with self._transaction("write") as session:
            connection = session.connection()
            log, driver = connection.info.get("log"), connection.connection.driver_connection
            before = getattr(driver, "total_changes", 0)
            yield session
        if log and getattr(driver, "total_changes", 0) != before:  # steps that find nothing to do leave the disk alone
            self.sync(log)

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
        turn = self._turn() if self.is_sqlite and mode != "read" else nullcontext()
        with Session(self.engine, expire_on_commit=False) as session, turn, session.begin():
            session.connection(execution_options={"mode": mode})
            yield session

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Writers of one process stand in line here: for the lock in the file they would poll, up to 100 ms apart. This
        guards nothing. Who waited too long goes on and hears it from SQLite."""
        ours = self._writing.acquire(timeout=BUSY_SECONDS)
        try:
            yield
        finally:
            if ours:
                self._writing.release()

    def close(self) -> None:
        self.engine.dispose()


def is_busy(error: BaseException) -> bool:
    """SQLite: another process held the file for longer than we wait. Nothing was written."""
    cause = error.orig if isinstance(error, OperationalError) else None
    return isinstance(cause, sqlite3.OperationalError) and cause.sqlite_errorname.startswith("SQLITE_BUSY")


def is_away(error: BaseException) -> bool:
    """The database could not be reached, or let nobody write for now; the same may work later."""
    return isinstance(error, OperationalError | InterfaceError)


def _read(url: str) -> URL:
    try:
        found = make_url(url)
    except (ArgumentError, ValueError):
        raise CourseError("COURSE_DATABASE_URL cannot be read as an address of a database.") from None
    # What the plain name means depends on SQLAlchemy's release; we have this driver.
    return found.set(drivername="postgresql+psycopg") if found.drivername == "postgresql" else found


def _sqlite(url: URL) -> Engine:
    # The connection that was used last still has the pages in its cache that are needed next.
    pool: dict[str, Any] = {"pool_size": POOL, "pool_use_lifo": True}
    memory = url.database in {None, "", ":memory:"}
    options = HIDE | ({} if memory else pool)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, **options)

    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, pooled: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # BEGIN is ours, see below
        _use_wal(connection)
        for pragma in (
            "synchronous=NORMAL",  # a commit waits for no disk; see SharedSync
            "foreign_keys=ON",
            "cache_size=-16384",  # 16 MB a connection; what it does not hold is in the system's cache
            "wal_autocheckpoint=16000",  # pages; at the default of 1,000 nearly every batch is a checkpoint
            "fullfsync=1",  # macOS: without it a sync is not one
        ):
            connection.execute(f"PRAGMA {pragma}")
        [(_, _, path)] = connection.execute("PRAGMA database_list")
        pooled.info["log"] = path and f"{path}-wal"

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        mode: Mode = connection.get_execution_options().get("mode", "write")
        # A deferred transaction that turns into a writer fails at once when another writer came between.
        connection.exec_driver_sql("BEGIN" if mode == "read" else "BEGIN IMMEDIATE")

    return engine


def _use_wal(connection: sqlite3.Connection) -> None:
    """A new file becomes a WAL file. Alone of all statements this one does not wait for others who open it too, it is
    refused; so wait with one that does, and try again."""
    for _ in range(OPENINGS):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY"):
                raise
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode=WAL")


def _postgresql(url: URL) -> Engine:
    alive = {name: value for name, value in ALIVE.items() if name not in url.query}
    engine = create_engine(url, pool_size=POOL, pool_pre_ping=True, connect_args=alive, **HIDE)

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _: Any) -> None:
        # A worker that is frozen in a transaction lets go of what it has locked.
        theirs: dict[str, Any] = {
            name if name.startswith("tcp_") else f"tcp_{name}": value for name, value in ALIVE.items()
        }
        theirs["idle_in_transaction_session_timeout"] = IDLE_SECONDS * 1000
        theirs["jit"] = "off"  # a batch of readers takes milliseconds; to compile its query first took 300 of them
        connection.execute("; ".join(f"SET {name} = {value}" for name, value in theirs.items()))
        connection.commit()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        mode: Mode = connection.get_execution_options().get("mode", "write")
        if mode == "relaxed":
            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
        elif mode == "read":
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")  # an export into a pager

    return engine


def insert_of(session: Session) -> Any:
    """The dialect's own `insert`, which knows ON CONFLICT."""
    return sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert


def none_of_each(barred: Exists, *tables: Any) -> ColumnElement[bool]:
    """NOT EXISTS, asked of one row of `tables` after the other in the order of an index, until a batch is full. From a
    bare one PostgreSQL makes a join, and it joins and sorts a whole backlog for every batch of it."""
    return ~select(barred.correlate(*tables)).scalar_subquery()
