"""The schema's history, run at start under a lock, so that any number of processes may start at once."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError, OperationalError

from course.core.errors import CourseError
from course.store.db import Database

LOCK = 7_362_518_001  # of PostgreSQL's advisory locks, ours
NOT_ALLOWED = "42501"  # PostgreSQL's code for a missing privilege


def migrate(database: Database) -> None:
    """Brings the schema up to date, in one transaction: all of it or nothing. Raises CourseError for a database that
    cannot be used."""
    try:
        _migrate(database)
    except DatabaseError as error:
        if getattr(error.orig, "sqlstate", "") == NOT_ALLOWED:
            raise CourseError(
                f"The database {database.url!r} cannot be used: its user may not create tables. Make it the owner."
            ) from None
        if type(error) not in {DatabaseError, OperationalError}:  # a migration of ours that is wrong
            raise
        reason = (str(error.orig).splitlines() or [""])[0]
        raise CourseError(f"The database {database.url!r} cannot be used: {reason}") from None


def _migrate(database: Database) -> None:
    with database.write() as session:
        connection = session.connection()
        if not database.is_sqlite:  # on SQLite the transaction itself is the lock
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        try:
            command.upgrade(_config(connection), "head")
        except CommandError as error:
            raise CourseError(
                f"This database belongs to another version of the course: {error}. Start the version that made it, or "
                "put back the backup from before the upgrade."
            ) from None


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
