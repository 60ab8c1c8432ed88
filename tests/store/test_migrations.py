"""The schema's history leads to the models, and any number of processes may start at once."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from course.core.errors import CourseError
from course.store import migrations
from course.store.db import Database
from course.store.migrations import migrate
from course.store.models import Base
from tests.postgres import Cluster

NewDatabase = Callable[[], Database]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewDatabase]:
    """Makes empty databases, without a schema."""
    made: list[Database] = []

    def new() -> Database:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path / f'empty{len(made)}.db'}"
        else:
            url = request.getfixturevalue("cluster").create_from("template0")
        made.append(Database(url))
        return made[-1]

    yield new
    for database in made:
        database.close()


def schema(database: Database) -> set[str]:
    """Every table, column, key and index as the database describes them; on PostgreSQL its indexes in full."""
    with database.read() as session:
        found = inspect(session.connection())
        lines = set()
        for table in set(found.get_table_names()) - {"alembic_version"}:
            lines |= {f"{table}.{c['name']} {c['type']} null={c['nullable']}" for c in found.get_columns(table)}
            lines |= {f"{table} {key}" for key in found.get_foreign_keys(table)}
            lines |= {f"{table} {key}" for key in found.get_unique_constraints(table)}
            lines |= {f"{table} {found.get_pk_constraint(table)}"}
            lines |= {f"{table} {i['name']} {i['column_names']} {bool(i['unique'])}" for i in found.get_indexes(table)}
        query = "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        if not database.is_sqlite:
            query = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
        return lines | {" ".join(row[0].split()) for row in session.execute(text(query))}


def _is_of(database: Database) -> Callable[..., bool]:
    """Alembic does not ask for which database an index is; one is for PostgreSQL alone."""
    return lambda _, name, *__: name != "ix_subscriber_email_key" or not database.is_sqlite


def test_the_history_leads_to_the_models(database: Database) -> None:
    with database.read() as session:
        options = {"compare_type": True, "include_object": _is_of(database)}
        context = MigrationContext.configure(session.connection(), opts=options)
        assert compare_metadata(context, Base.metadata) == []


def test_the_history_and_the_models_make_the_same_schema_and_migrating_again_changes_nothing(
    empty: NewDatabase,
) -> None:
    """What autogeneration does not compare, as the conditions of partial indexes, is compared here."""
    by_history, by_models = empty(), empty()
    migrate(by_history)
    with by_models.write() as session:
        Base.metadata.create_all(session.connection())
    found = schema(by_history)
    assert found == schema(by_models)
    assert "WHERE" in " ".join(found)
    migrate(by_history)
    assert schema(by_history) == found


def test_there_is_one_history_without_branches() -> None:
    script = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert len(script.get_heads()) == 1
    assert len(script.get_bases()) == 1


def test_processes_that_start_at_once_all_find_the_schema(empty: NewDatabase) -> None:
    code = (
        "import sys; from course.store.db import Database; from course.store.migrations import migrate\n"
        "database = Database(sys.argv[1]); print('ready', flush=True); input(); migrate(database); print('done')"
    )
    url = empty().url.render_as_string(hide_password=False)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started = [subprocess.Popen([sys.executable, "-c", code, url], **pipes) for _ in range(3)]  # type: ignore[call-overload]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.communicate(timeout=60)[0] for process in started] == ["done\n"] * 3


def test_a_migration_that_fails_leaves_nothing_behind(empty: NewDatabase) -> None:
    """All of it or nothing: a table that is in the way stops the whole of it."""
    database = empty()
    with database.write() as session:
        session.execute(text("CREATE TABLE subscriber (id INTEGER)"))
    with pytest.raises(Exception, match="subscriber"):
        migrate(database)
    with database.read() as session:
        assert inspect(session.connection()).get_table_names() == ["subscriber"]


def test_the_database_of_a_newer_release_is_refused_with_words(database: Database) -> None:
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(CourseError, match=r"This database belongs to another version of the course: .*9999"):
        migrate(database)


@pytest.mark.postgres
def test_a_user_who_may_not_create_tables_is_told_so(cluster: Cluster) -> None:
    """What `CREATE DATABASE` by one and a plain role for the course lead to since PostgreSQL 15."""
    owner = Database(cluster.create_from("template0"))
    with owner.write() as session:
        session.execute(text("REVOKE CREATE ON SCHEMA public FROM PUBLIC"))
        session.execute(text("CREATE ROLE plain LOGIN"))
    plain = Database(owner.url.set(username="plain").render_as_string(hide_password=False))
    with pytest.raises(CourseError, match=r"its user may not create tables\. Make it the owner\.$"):
        migrate(plain)
    plain.close()
    with owner.write() as session:
        session.execute(text("DROP ROLE plain"))
    owner.close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://me:geheim@/name?host=/nonexistent",
        "postgresql://me:geheim@127.0.0.1:1/name",
        "sqlite:////nonexistent/course.db",
    ],
)
def test_a_database_that_cannot_be_reached_is_named_without_its_password(url: str) -> None:
    database = Database(url)
    with pytest.raises(CourseError, match=r"^The database .* cannot be used: .+") as caught:
        migrate(database)
    assert "geheim" not in str(caught.value)
    assert "\n" not in str(caught.value)
    database.close()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "course.db").write_text("not a database at all " * 100)
    with pytest.raises(CourseError, match="cannot be used: file is not a database"):
        migrate(Database(f"sqlite:///{tmp_path / 'course.db'}"))
