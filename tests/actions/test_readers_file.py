"""Readers from and to files: people who agreed elsewhere come in once, and nobody who left comes back by a file."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from course.actions import lesson_import, readers_file, signup
from course.actions.readers_file import CHUNK, Line, Result
from course.actions.signup import Confirmed, Origin
from course.core import readers_csv
from course.core.errors import CourseError
from course.core.readers_csv import Row
from course.core.status import Enrolled, Suppressed
from course.store import enrollments, subscribers
from course.store.models import Consent, Delivery, Enrollment, Subscriber
from tests.actions.steps import ANN, lessons_to, on_sqlite, pass_days
from tests.factories import START, TITLES, World, files

NOTE = "list of the clinic, agreed on paper, 2026-10"
numbers = count(1)
shared = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def rows_of(*people: tuple[str, ...], first: int = 2) -> list[Row]:
    return [Row(number, *(*person, "", "")[:3]) for number, person in enumerate(people, first)]


def import_rows(world: World, rows: list[Row], slug: str = "running") -> list[Line]:
    """One chunk, as the command does it."""
    with world.database.write() as session:
        return readers_file.import_rows(session, world.the_course(session, slug), rows, NOTE, world.now())


def import_emails(world: World, *emails: str) -> list[Result]:
    return [line.result for line in import_rows(world, rows_of(*((email,) for email in emails)))]


def everything(world: World) -> list[object]:
    """All that is known of readers."""
    with world.database.read() as session:
        people = [
            (p.email, p.name, p.timezone, p.confirmed_at) for p in session.query(Subscriber).order_by(Subscriber.id)
        ]
        readers = [(e.status, e.due_at, e.had, e.anchor_at) for e in session.query(Enrollment).order_by(Enrollment.id)]
        return [people, readers, session.query(Consent).count(), session.query(Delivery).count()]


def enrollment(world: World, email: str = ANN) -> Enrollment:
    with world.database.read() as session:
        query = session.query(Enrollment).join(Subscriber, Subscriber.id == Enrollment.subscriber_id)
        return query.where(Subscriber.email_key == email).one()


def leave(world: World, email: str = ANN) -> None:
    found = enrollment(world, email)
    with world.database.write() as session:
        again = enrollments.by_id(session, found.id)
        assert again is not None
        signup.leave(session, again, Origin(), now=world.machine)


def suppress(world: World, reason: Suppressed, email: str = ANN) -> None:
    with world.database.write() as session:
        subscribers.suppress(session, email, reason, "", world.machine)


def export(world: World) -> str:
    with world.database.read() as session:
        return "".join(readers_file.export(session, world.the_course(session)))


# ── coming in ──


def test_who_agreed_elsewhere_is_enrolled_without_being_asked_again(world: World) -> None:
    [line] = import_rows(world, rows_of(("Ann@Runner.test", "Ann", "Europe/Berlin")))
    assert line == Line(2, Result.ADDED)
    with world.database.read() as session:
        person = session.query(Subscriber).one()
        assert (person.email, person.email_key, person.name) == ("Ann@runner.test", ANN, "Ann")
        assert (person.timezone, person.confirmed_at) == ("Europe/Berlin", world.machine)
        assert session.query(Delivery).count() == 0
    found = enrollment(world)
    assert (found.status, found.source, found.had, found.enrolled_at) == (Enrolled.ACTIVE, "import", [], world.course)


def test_the_proof_of_consent_is_what_the_importer_says(world: World) -> None:
    import_emails(world, ANN)
    with world.database.read() as session:
        consent = session.query(Consent).one()
        assert (consent.kind, consent.source, consent.note) == ("import", "import", NOTE)
        assert (consent.at, consent.wording, consent.ip, consent.user_agent) == (START, signup.WORDING, "", "")
        assert consent.subscriber_id == session.query(Subscriber).one().id


@on_sqlite
def test_the_first_lesson_goes_at_each_ones_next_send_hour(world: World) -> None:
    """It is 3 pm in Greenwich: the evening in Tokyo, the morning in New York, and nobody asked for it at once."""
    zones = {"": (24, 12), "Asia/Tokyo": (23, 22), "Europe/Berlin": (24, 6), "America/Los_Angeles": (23, 15)}
    import_rows(world, rows_of(*((f"a{n}@x.test", "", zone) for n, zone in enumerate(zones))))
    for n, (day, hour) in enumerate(zones.values()):
        assert enrollment(world, f"a{n}@x.test").due_at == START.replace(day=day, hour=hour)


@on_sqlite
def test_an_imported_reader_gets_all_five_lessons_once(world: World) -> None:
    import_emails(world, ANN)
    pass_days(world, 20)
    assert lessons_to(world) == [f"About {title}" for title in TITLES]


def test_importing_the_same_again_changes_nothing(world: World) -> None:
    rows = rows_of((ANN, "Ann", "Europe/Berlin"), ("bob@x.test",))
    import_rows(world, rows)
    pass_days(world, 2)
    before = everything(world)
    for _ in range(2):
        assert [line.result for line in import_rows(world, rows)] == [Result.KNOWN] * 2
    assert everything(world) == before


def test_one_person_in_several_spellings_is_one_reader(world: World) -> None:
    spellings = ["a@bücher.test", "A@BÜCHER.test", "a@xn--bcher-kva.test", " a@bu\u0308cher.test "]
    assert import_emails(world, *spellings) == [Result.ADDED, *[Result.KNOWN] * 3]
    assert import_emails(world, "a@faß.de", "a@fass.de") == [Result.ADDED] * 2
    with world.database.read() as session:
        assert session.query(Enrollment).count() == 3


@on_sqlite
def test_each_line_that_cannot_be_used_is_named_and_the_others_go_on(world: World) -> None:
    rows = rows_of(("nobody",), (ANN,), ("",), ("bob@x.test", "", "Mars/Base"), ("x@y.test", "A\x00"), ("z" * 700,))
    lines = import_rows(world, rows)
    assert [line.number for line in lines] == [2, 3, 4, 5, 6, 7]
    assert [line.result for line in lines] == [Result.INVALID, Result.ADDED, *[Result.INVALID] * 4]
    assert lines[0].detail.startswith("email: ")
    assert lines[2].detail == "email: Please write your email address"
    assert lines[3].detail.startswith("timezone: We do not know this time zone")
    assert lines[4].detail == "name: There are characters in here that cannot be used"
    assert lines[5].detail == "email: An address has at most 254 characters"


@on_sqlite
def test_every_line_of_a_file_gets_one_line_of_report_in_order(world: World) -> None:
    suppress(world, Suppressed.BOUNCE, "gone@x.test")
    emails = ["b@x.test", "gone@x.test", "nobody", "a@x.test", "B@X.test", "GONE@x.test", "c@x.test"]
    lines = import_rows(world, rows_of(*((email,) for email in emails), first=10))
    assert [line.number for line in lines] == list(range(10, 17))
    assert [line.result for line in lines] == [
        Result.ADDED, Result.SUPPRESSED, Result.INVALID, Result.ADDED, Result.KNOWN, Result.SUPPRESSED, Result.ADDED,
    ]  # fmt: skip
    assert set(readers_file.MEANING) == set(Result)


# ── who does not come in ──


def test_who_left_is_not_brought_back_by_a_file(world: World) -> None:
    world.enroll()
    leave(world)
    before = everything(world)
    assert import_emails(world, ANN.upper()) == [Result.LEFT]
    assert everything(world) == before


@pytest.mark.parametrize("reason", Suppressed)
def test_who_bounced_or_complained_is_not_brought_back_by_a_file_ever(world: World, reason: Suppressed) -> None:
    suppress(world, reason)
    world.go(days=400)
    assert import_emails(world, ANN.upper(), ANN) == [Result.SUPPRESSED] * 2
    with world.database.read() as session:
        assert session.query(Subscriber).count() == session.query(Enrollment).count() == 0


@on_sqlite
def test_who_was_stopped_stays_stopped_also_when_the_suppression_is_gone(world: World) -> None:
    reader = world.enroll()
    with world.database.write() as session:
        found = enrollments.by_id(session, reader)
        assert found is not None
        enrollments.stop_all(session, found.subscriber_id, "said so", world.machine)
    assert import_emails(world, ANN) == [Result.LEFT]


@on_sqlite
def test_who_finished_is_known(world: World) -> None:
    import_emails(world, ANN)
    pass_days(world, 20)
    assert enrollment(world).status == Enrolled.FINISHED
    assert import_emails(world, ANN) == [Result.KNOWN]
    pass_days(world, 20)
    assert len(lessons_to(world)) == 5


def test_who_signed_up_and_never_confirmed_is_confirmed_by_the_file(world: World) -> None:
    world.sign_up()
    world.go(days=1)
    assert import_emails(world, ANN) == [Result.ADDED]
    with world.database.read() as session:
        assert session.query(Subscriber).one().confirmed_at == world.machine


def test_a_file_changes_neither_name_nor_zone_nor_the_day_of_a_confirmed_reader(world: World) -> None:
    world.enroll(timezone="Europe/Berlin")
    confirmed = START
    with world.database.write() as session:
        lesson_import.import_course(session, files("second"), START, START)
    world.go(days=3)
    assert [line.result for line in import_rows(world, rows_of((ANN, "Evil", "Asia/Tokyo")), "second")] == [
        Result.ADDED
    ]
    with world.database.read() as session:
        person = session.query(Subscriber).one()
        assert (person.name, person.timezone, person.confirmed_at) == ("Ann", "Europe/Berlin", confirmed)


@on_sqlite
def test_who_left_one_course_may_be_brought_into_another(world: World) -> None:
    world.enroll()
    leave(world)
    with world.database.write() as session:
        lesson_import.import_course(session, files("second"), START, START)
    assert [line.result for line in import_rows(world, rows_of((ANN,)), "second")] == [Result.ADDED]


people = st.lists(
    st.tuples(st.sampled_from(["a", "A", "b", "c", "left", "gone", "x y"]), st.sampled_from(["", "Z"])), max_size=8
)


@shared
@given(people, st.integers(1, 4))
def test_a_file_in_any_order_and_any_chunks_gives_each_person_one_place(
    world: World, written: list[tuple[str, str]], size: int
) -> None:
    domain = f"x{next(numbers)}.test"
    world.enroll(f"left@{domain}")
    leave(world, f"left@{domain}")
    suppress(world, Suppressed.COMPLAINT, f"gone@{domain}")
    rows = rows_of(*((f"{local}@{domain}", name) for local, name in written))

    def in_chunks() -> list[Line]:
        return [line for at in range(0, len(rows), size) for line in import_rows(world, rows[at : at + size])]

    first, steady, second = in_chunks(), everything(world), in_chunks()
    assert everything(world) == steady
    counts = Counter(line.result for line in first)
    assert counts[Result.ADDED] == len({local.lower() for local, _ in written} & {"a", "b", "c"})
    assert counts[Result.LEFT] == sum(local == "left" for local, _ in written)
    assert counts[Result.SUPPRESSED] == sum(local == "gone" for local, _ in written)
    assert counts[Result.INVALID] == sum(local == "x y" for local, _ in written)
    assert [line.number for line in first] == [row.number for row in rows]
    assert [line._replace(result=Result.KNOWN) if line.result is Result.ADDED else line for line in first] == second


# ── at once, and many ──


def test_a_sign_up_fits_between_two_chunks(world: World) -> None:
    rows = rows_of(*((f"r{n}@x.test",) for n in range(4)))
    import_rows(world, rows[:2])
    world.sign_up("r3@x.test", "Typed by hand")
    import_rows(world, rows[2:])
    with world.database.read() as session:
        assert session.query(Subscriber).count() == 4
        assert session.query(Enrollment).count() == 4
        assert session.query(Delivery).where(Delivery.kind == "confirm").count() == 1


@pytest.mark.parametrize("first", ["import", "sign up"])
def test_an_import_and_a_sign_up_of_one_person_at_once_both_work(world: World, first: str) -> None:
    """The other one waits for the transaction that is open, and then finds what it did."""
    failures: list[Exception] = []

    def other() -> None:
        try:
            if first == "import":
                world.sign_up(ANN.upper())
            else:
                import_emails(world, ANN)
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=other)
    with world.database.write() as session:
        course = world.the_course(session)
        if first == "import":
            readers_file.import_rows(session, course, rows_of((ANN,)), NOTE, world.now())
        else:
            signup.sign_up(session, course, signup.checked(ANN), Origin(), world.machine)
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()
    thread.join(30)
    assert failures == []
    with world.database.read() as session:
        assert session.query(Subscriber).count() == 1
        assert session.query(Enrollment).count() == 1
        assert sorted(kind for (kind,) in session.query(Consent.kind)) == ["import", "signup"]


@pytest.mark.parametrize("first", ["import", "confirmation"])
def test_an_import_and_a_confirmation_of_one_person_at_once_make_one_enrollment(world: World, first: str) -> None:
    """Also of a confirmed reader of another course, where nothing of the person's own row changes."""
    with world.database.write() as session:
        lesson_import.import_course(session, files("second"), START, START)
    world.enroll()
    results: list[object] = []

    def confirm(session: Session) -> object:
        person = subscribers.by_id(session, 1, lock=True)
        assert person is not None
        course = world.the_course(session, "second")
        state = signup.look(session, person, course, world.machine)
        if state is Confirmed.READY:
            signup.confirm(session, person, course, Origin(), now=world.machine, course_now=world.course)
        return state

    def bring(session: Session) -> object:
        course = world.the_course(session, "second")
        [line] = readers_file.import_rows(session, course, rows_of((ANN,)), NOTE, world.now())
        return line.result

    here, there = (bring, confirm) if first == "import" else (confirm, bring)

    def run() -> None:
        try:
            with world.database.write() as session:
                results.append(there(session))
        except Exception as error:
            results.append(error)

    thread = threading.Thread(target=run)
    with world.database.write() as session:
        results.append(here(session))
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()
    thread.join(30)
    added = [Result.ADDED, Confirmed.ALREADY] if first == "import" else [Confirmed.READY, Result.KNOWN]
    assert results == added
    with world.database.read() as session:
        assert session.query(Enrollment).count() == 2
        assert session.query(Consent).where(Consent.kind == "import").count() == (first == "import")


def test_two_imports_of_one_file_at_once_add_each_person_once(world: World) -> None:
    """Whatever order the lines stand in; else each would hold what the other one waits for."""
    results: list[object] = []
    rows = rows_of(*((f"r{n}@x.test",) for n in range(200)))
    together = threading.Barrier(2)

    def run(wanted: list[Row]) -> None:
        try:
            together.wait(10)
            results.extend(line.result for line in import_rows(world, wanted))
        except Exception as error:
            results.append(error)

    threads = [threading.Thread(target=run, args=(wanted,)) for wanted in (rows, rows[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert Counter(results) == {Result.ADDED: 200, Result.KNOWN: 200}
    with world.database.read() as session:
        assert session.query(Enrollment).count() == 200
        assert session.query(Consent).count() == 200


def test_ten_thousand_people_come_in_within_seconds(
    world: World, record_property: Callable[[str, object], None]
) -> None:
    """On one core about 6,000 lines a second on SQLite; the bound is what a busy machine still makes."""
    amount = 10_000 if world.database.is_sqlite else 3_000
    text = "email,name,timezone\n" + "".join(
        f"runner{n}@mail{n % 50}.test,Runner {n},{('', 'Europe/Berlin', 'Asia/Tokyo')[n % 3]}\n" for n in range(amount)
    )
    rows = readers_csv.read(text.encode(), "readers.csv")
    began, lines = time.process_time(), list[Line]()
    for at in range(0, amount, CHUNK):
        lines += import_rows(world, rows[at : at + CHUNK])
    taken = time.process_time() - began
    record_property("rows_per_second", round(amount / taken))
    assert {line.result for line in lines} == {Result.ADDED}
    assert taken < amount / 10_000 * 6  # 100,000 within a minute
    with world.database.read() as session:
        assert session.query(Enrollment).where(Enrollment.due_at.is_not(None)).count() == amount
        assert session.query(Consent).where(Consent.note == NOTE).count() == amount


# ── going out ──


def test_everybody_of_a_course_goes_out_with_where_they_stand(world: World) -> None:
    world.enroll(timezone="Europe/Berlin")
    import_rows(world, rows_of(("bob@x.test", "Bob, the 2nd")))
    pass_days(world, 4)
    leave(world, "bob@x.test")
    with world.database.write() as session:
        lesson_import.import_course(session, files("second"), START, START)
    import_rows(world, rows_of(("carl@x.test",)), "second")
    assert export(world) == (
        "email,name,timezone,status,source,enrolled_at,lessons,due_at\n"
        f"{ANN},Ann,Europe/Berlin,active,blog:knee,2026-11-23T15:00:00+00:00,2,2026-11-30T06:00:00+00:00\n"
        'bob@x.test,"Bob, the 2nd",,left,import,2026-11-23T15:00:00+00:00,2,\n'
    )


@on_sqlite
def test_no_formula_goes_out(world: World) -> None:
    import_rows(world, rows_of(("+a@x.test", "=HYPERLINK(1)"), ("b@x.test", "@SUM(1)"), ("c@x.test", "-1")))
    lines = export(world).splitlines()[1:]
    assert [line.split(",")[:2] for line in lines] == [
        ["'+a@x.test", "'=HYPERLINK(1)"], ["b@x.test", "'@SUM(1)"], ["c@x.test", "'-1"],
    ]  # fmt: skip


@on_sqlite
def test_what_went_out_comes_in_elsewhere_as_the_same_people(world: World) -> None:
    import_rows(world, rows_of(("+a@x.test", "=A", "Asia/Tokyo"), ("b@bücher.test", "Bée")))
    exported = export(world)
    rows = readers_csv.read(exported.encode(), "readers.csv")
    assert [line.result for line in import_rows(world, rows)] == [Result.KNOWN] * 2
    assert [(row.email, row.name, row.timezone) for row in rows] == [
        ("+a@x.test", "=A", "Asia/Tokyo"), ("b@bücher.test", "Bée", ""),
    ]  # fmt: skip


@on_sqlite
def test_the_course_is_the_one_that_was_named_or_the_first(world: World) -> None:
    with world.database.write() as session:
        lesson_import.import_course(session, files("second"), START, START)
        assert readers_file.the_course(session, None).slug == "running"
        assert readers_file.the_course(session, "second").slug == "second"
        with pytest.raises(CourseError, match="There is no course 'third'"):
            readers_file.the_course(session, "third")


@on_sqlite
def test_a_paused_reader_of_the_future_keeps_the_plan(world: World) -> None:
    """Importing again plans nobody anew."""
    import_emails(world, ANN)
    with world.database.write() as session:
        later = world.course + timedelta(days=90)
        enrollments.save_plans(session, [{"key": 1, "due_at": later, "paused_until": later}])
    import_emails(world, ANN)
    assert enrollment(world).due_at == START + timedelta(days=90)
