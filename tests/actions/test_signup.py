"""Sign up, confirm, leave, come back: what each does for whom, and what a stranger can never do."""

import threading
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from course.actions import controls, lesson_import, signup
from course.actions.sending import GROUP
from course.actions.signup import Confirmed, Invalid, Origin
from course.core import address
from course.core.outcome import Outcome, Refused, Unreachable
from course.core.status import Enrolled, Suppressed
from course.core.tokens import Purpose, epoch
from course.mail.outbox import Outbox
from course.mail.provider import Ready, always
from course.store import enrollments, subscribers
from course.store.models import Consent, Delivery, Enrollment, Subscriber, Suppression
from tests.actions.steps import ANN, lessons_to, on_sqlite, pass_days
from tests.factories import COURSE_TOML, START, TITLES, World, files

FORM = Origin("blog:knee", "203.0.113.7", "Firefox " + "x" * 400)
numbers = count(1)
# Every example takes an address of its own, so that the world may be shared.
shared = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def sign_up(world: World, email: str = ANN, name: str = "", timezone: str = "", slug: str = "running") -> None:
    with world.database.write() as session:
        wanted = signup.checked(email, name, timezone)
        signup.sign_up(session, world.the_course(session, slug), wanted, FORM, world.machine)


def person_of(session: Session, email: str = ANN) -> Subscriber:
    return session.query(Subscriber).where(Subscriber.email_key == address.key(email)).one()


def look(world: World, email: str = ANN) -> Confirmed:
    with world.database.read() as session:
        return signup.look(session, person_of(session, email), world.the_course(session), world.machine)


def confirm(world: World, email: str = ANN) -> Confirmed:
    """As the confirmation page does it."""
    with world.database.write() as session:
        person, course = person_of(session, email), world.the_course(session)
        state = signup.look(session, person, course, world.machine)
        if state is Confirmed.READY:
            signup.confirm(session, person, course, FORM, now=world.machine, course_now=world.course)
        return state


def enrollment_of(session: Session, email: str = ANN) -> Enrollment | None:
    query = session.query(Enrollment).join(Subscriber, Subscriber.id == Enrollment.subscriber_id)
    return query.where(Subscriber.email_key == address.key(email)).one_or_none()


def status(world: World, email: str = ANN) -> str | None:
    with world.database.read() as session:
        found = enrollment_of(session, email)
        return found and found.status


def leave(world: World, email: str = ANN) -> None:
    with world.database.write() as session:
        if found := enrollment_of(session, email):
            signup.leave(session, found, FORM, now=world.machine)


def come_back(world: World, email: str = ANN) -> bool | None:
    with world.database.write() as session:
        found = enrollment_of(session, email)
        return found and signup.come_back(session, found, FORM, now=world.machine)


def suppress(world: World, reason: Suppressed, email: str = ANN) -> None:
    """As a provider's event does it."""
    with world.database.write() as session:
        subscribers.suppress(session, address.key(email), reason, "said so", world.machine)
        if found := enrollment_of(session, email):
            enrollments.stop_all(session, found.subscriber_id, "said so", world.machine)


def confirmations(world: World) -> int:
    """How many were queued so far."""
    with world.database.read() as session:
        return session.query(Delivery).where(Delivery.kind == "confirm").count()


def consents(world: World) -> list[str]:
    with world.database.read() as session:
        return [kind for (kind,) in session.query(Consent.kind).order_by(Consent.id)]


ALL = [f"About {title}" for title in TITLES]


# ── the fields ──


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"email": ""}, "email", "Please write your email address"),
        ({"email": "  "}, "email", "Please write your email address"),
        ({"email": None}, "email", "Please write your email address"),
        ({"email": 5}, "email", "This has to be text"),
        ({"email": ["a@x.test"]}, "email", "This has to be text"),
        ({"email": "ann"}, "email", "@"),
        ({"email": "zoë@x.test"}, "email", "do not work with most mail services yet"),
        ({"email": "a" * 600 + "@x.test"}, "email", "An address has at most 254 characters"),
        ({"email": "a@x.test" + " " * 600 + "b"}, "email", "An address has at most 254 characters"),
        ({"email": "a\x00@x.test"}, "email", "There are characters in here that cannot be used"),
        ({"email": "a@x.test\r\nBcc: b@x.test"}, "email", "There are characters in here that cannot be used"),
        ({"name": "A" * 81}, "name", "A first name has at most 80 letters here"),
        ({"name": "see https://x.test"}, "name", "A first name, please, not a link"),
        ({"name": "WWW.x.test"}, "name", "A first name, please, not a link"),
        ({"name": "Ann\nBob"}, "name", "There are characters in here that cannot be used"),
        ({"name": "Ann\u202e"}, "name", "There are characters in here that cannot be used"),
        ({"name": "\ud800"}, "name", "There are characters in here that cannot be used"),
        ({"name": {"first": "Ann"}}, "name", "This has to be text"),
        ({"timezone": "Mars/Base"}, "timezone", "We do not know this time zone"),
        ({"timezone": "../etc/passwd"}, "timezone", "We do not know this time zone"),
        ({"source": "x" * 201}, "source", "The source has at most 200 characters"),
        ({"source": "a\x1b[31m"}, "source", "There are characters in here that cannot be used"),
    ],
)
def test_a_field_that_cannot_be_used_is_named_with_words(fields: dict[str, object], field: str, words: str) -> None:
    with pytest.raises(Invalid) as caught:
        signup.checked(**({"email": ANN} | fields))
    assert list(caught.value.errors) == [field]
    assert words in caught.value.errors[field]


def test_every_field_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(Invalid) as caught:
        signup.checked("ann", "x" * 99, "Mars/Base", "y" * 300)
    assert list(caught.value.errors) == ["email", "name", "timezone", "source"]


@settings(max_examples=150, deadline=None)
@given(*[st.none() | st.integers() | st.text(max_size=20) | st.text("a@. \n", max_size=900)] * 4)
@example("a@b.de" + " " * 600 + "x", "", "", "")
def test_whatever_is_sent_is_a_request_or_invalid(
    email: object, name: object, timezone: object, source: object
) -> None:
    try:
        found, errors = signup.checked(email, name, timezone, source), {}
    except Invalid as invalid:
        found, errors = None, invalid.errors
    assert set(errors) <= {"email", "name", "timezone", "source"}
    assert all(errors.values())
    assert bool(found) is not bool(errors)
    assert found is None or found.name == " ".join(found.name.split())


def test_only_an_address_is_needed_and_blanks_around_it_do_not_matter() -> None:
    assert signup.checked(f"  {ANN} ", None, None, None) == signup.Request(ANN, "", "", "")
    assert signup.checked(ANN, "  Zoe\u0308   Anne ") == signup.Request(ANN, "Zoë Anne", "", "")


# ── signing up ──


def test_somebody_new_is_asked_once_and_nothing_else_happens(world: World) -> None:
    sign_up(world, "Ann@Runner.test", "Ann", "Europe/Berlin")
    with world.database.read() as session:
        person = person_of(session)
        assert (person.email, person.email_key) == ("Ann@runner.test", ANN)
        assert (person.name, person.timezone, person.confirmed_at) == ("Ann", "Europe/Berlin", None)
    assert confirmations(world) == 1
    assert consents(world) == ["signup"]
    assert status(world) is None
    pass_days(world, 30)
    world.drain()
    assert [mail["Subject"] for mail in world.mails()] == ["Confirm your place: Five lessons"]
    assert "Ann" not in str(world.mails()[0]).replace("Ann@runner.test", "")


@pytest.mark.parametrize(
    ("before", "asked"),
    [
        ("new", True),
        ("known", True),  # signed up before, never confirmed
        ("confirmed", True),  # the answer must not tell who is a reader; the page then says that all is well
        ("left", True),
        ("finished", True),
        ("complained", False),
        ("complained a year ago", False),
        ("bounced", False),
        ("bounced 29 days ago", False),
        ("bounced 30 days ago", True),
        ("bounced before ever confirming", False),
    ],
)
@on_sqlite
def test_who_is_asked_to_confirm(world: World, before: str, asked: bool) -> None:
    if before != "new":
        sign_up(world)
    if before not in {"new", "known", "bounced before ever confirming"}:
        confirm(world)
    if before == "left":
        leave(world)
    if before == "finished":
        pass_days(world, 20)
        assert status(world) == Enrolled.FINISHED
    if before.startswith("complained"):
        suppress(world, Suppressed.COMPLAINT)
    if before.startswith("bounced"):
        suppress(world, Suppressed.BOUNCE)
    days = {"complained a year ago": 365, "bounced 29 days ago": 29.99, "bounced 30 days ago": 30}
    world.go(days=days.get(before, 2))
    world.drain()
    had, said = len(world.mails()), len(consents(world))
    sign_up(world)
    world.drain()
    assert [str(mail["To"]) for mail in world.mails()[had:]] == [ANN] * asked
    assert consents(world)[said:] == ["signup"]  # whoever it was, that somebody asked is noted


@on_sqlite
def test_a_stranger_gets_no_lesson_sent_to_anybody(world: World) -> None:
    sign_up(world)
    confirm(world)
    leave(world)
    for _ in range(5):
        sign_up(world)
        pass_days(world, 3)
    assert lessons_to(world) == []


def test_three_confirmations_in_a_day_and_no_more_also_when_the_day_slides(world: World) -> None:
    went = []
    for hour in range(0, 50, 2):
        world.go_to(START + timedelta(hours=hour))
        before = confirmations(world)
        sign_up(world, ANN.upper() if hour % 4 else ANN)
        went += [hour] * (confirmations(world) - before)
    assert went == [0, 2, 4, 24, 26, 28, 48]
    for start in range(50):
        assert len([hour for hour in went if start < hour <= start + 24 - 0.01]) <= 3


def test_the_limit_holds_for_all_courses_together(world: World) -> None:
    with world.database.write() as session:
        lesson_import.import_course(session, files("second"), START, START)
    for slug in ("running", "second", "running", "second", "second"):
        sign_up(world, slug=slug)
    assert confirmations(world) == 3
    sign_up(world, "bob@runner.test", slug="second")
    assert confirmations(world) == 4


def test_sign_ups_at_once_make_one_person_and_at_most_three_confirmations(world: World) -> None:
    failures: list[Exception] = []

    def run(email: str) -> None:
        try:
            sign_up(world, email)
        except Exception as error:
            failures.append(error)

    threads = [
        threading.Thread(target=run, args=(f"{name}@RUNNER.test",)) for name in ("ann", "Ann", "ANN", "aNN", "anN")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    with world.database.read() as session:
        assert session.query(Subscriber).count() == 1
    assert confirmations(world) == 3
    assert consents(world) == ["signup"] * 5


@on_sqlite
def test_before_confirming_the_newest_name_and_zone_count_and_empty_ones_do_not(world: World) -> None:
    sign_up(world, ANN, "Typo", "Europe/Berlin")
    sign_up(world, ANN, "Ann", "")
    sign_up(world, ANN, "", "Asia/Tokyo")
    with world.database.read() as session:
        person = person_of(session)
        assert (person.name, person.timezone) == ("Ann", "Asia/Tokyo")


def test_nothing_a_stranger_types_changes_a_confirmed_reader(world: World) -> None:
    sign_up(world, ANN, "Ann", "Europe/Berlin")
    confirm(world)
    with world.database.read() as session:
        found = enrollment_of(session)
        assert found is not None
        before = (found.status, found.due_at, found.asked_at, found.source, found.links)
    sign_up(world, "ANN@runner.test", "Evil", "Asia/Tokyo")
    with world.database.read() as session:
        person, found = person_of(session), enrollment_of(session)
        assert found is not None
        assert (person.email, person.name, person.timezone) == (ANN, "Ann", "Europe/Berlin")
        assert (found.status, found.due_at, found.asked_at, found.source, found.links) == before


# ── confirming ──


def test_confirming_enrolls_and_the_first_lesson_leaves_at_once(world: World) -> None:
    sign_up(world, ANN, "Ann")
    world.go(hours=9)
    assert look(world) is Confirmed.READY
    assert confirm(world) is Confirmed.READY
    with world.database.read() as session:
        person, found = person_of(session), enrollment_of(session)
        assert found is not None
        assert person.confirmed_at == world.machine
        assert (found.status, found.source, found.due_at) == (Enrolled.ACTIVE, "blog:knee", world.course)
    world.drain()
    assert lessons_to(world) == ALL[:1]


def test_looking_changes_nothing(world: World) -> None:
    sign_up(world)
    for _ in range(3):
        assert look(world) is Confirmed.READY
    assert status(world) is None
    assert consents(world) == ["signup"]


def test_confirming_twice_is_confirming_once(world: World) -> None:
    sign_up(world)
    assert [confirm(world), confirm(world)] == [Confirmed.READY, Confirmed.ALREADY]
    pass_days(world, 20)
    assert lessons_to(world) == ALL
    assert consents(world) == ["signup", "confirm"]


@on_sqlite
def test_the_link_of_a_confirmation_says_when_it_ends(world: World) -> None:
    link = world.letters.links.confirmation(7, 3, START)
    numbers = world.letters.links.tokens.read(Purpose.CONFIRM, link.rpartition("/")[2], 3)
    assert numbers == (7, 3, epoch(START + timedelta(days=7)))


@on_sqlite
def test_confirming_after_leaving_goes_on_with_the_course(world: World) -> None:
    sign_up(world)
    confirm(world)
    pass_days(world, 4)
    leave(world)
    pass_days(world, 40)
    assert lessons_to(world) == ALL[:2]
    sign_up(world)
    assert confirm(world) is Confirmed.READY
    pass_days(world, 20)
    assert lessons_to(world) == ALL
    assert consents(world) == ["signup", "confirm", "leave", "signup", "confirm"]


@on_sqlite
def test_who_finished_is_told_so_and_gets_nothing_again(world: World) -> None:
    sign_up(world)
    confirm(world)
    pass_days(world, 20)
    sign_up(world)
    assert confirm(world) is Confirmed.FINISHED
    pass_days(world, 20)
    assert lessons_to(world) == ALL


@pytest.mark.parametrize(
    ("reason", "days", "state"),
    [
        (Suppressed.COMPLAINT, 400, Confirmed.STOPPED),
        (Suppressed.BOUNCE, 29, Confirmed.STOPPED),
        (Suppressed.BOUNCE, 30, Confirmed.READY),
    ],
)
@on_sqlite
def test_an_address_that_refused_may_confirm_only_a_month_after_a_bounce(
    world: World, reason: Suppressed, days: int, state: Confirmed
) -> None:
    sign_up(world)
    confirm(world)
    pass_days(world, 4)
    suppress(world, reason)
    pass_days(world, days)
    assert lessons_to(world) == ALL[:2]
    assert confirm(world) is state
    pass_days(world, 20)
    ready = state is Confirmed.READY
    assert lessons_to(world) == (ALL if ready else ALL[:2])
    with world.database.read() as session:
        assert session.query(Suppression).count() == (0 if ready else 1)


def test_nobody_and_nothing_is_unknown(world: World) -> None:
    with world.database.read() as session:
        course = world.the_course(session)
        assert signup.look(session, None, course, world.machine) is Confirmed.UNKNOWN
        assert signup.look(session, Subscriber(id=1), None, world.machine) is Confirmed.UNKNOWN


@on_sqlite
def test_where_a_reader_came_from_is_kept_with_the_enrollment(world: World) -> None:
    world.sign_up(ANN)
    sign_up(world)
    with world.database.write() as session:
        course = world.the_course(session)
        signup.sign_up(session, course, signup.checked(ANN), Origin("newsletter:9"), world.machine)
    confirm(world)
    with world.database.read() as session:
        found = enrollment_of(session)
        assert found is not None
        assert found.source == "newsletter:9"  # the newest sign-up


@on_sqlite
def test_a_first_lesson_with_a_gap_waits_for_its_day(world: World) -> None:
    toml = COURSE_TOML.replace("gaps = [0, ", "gaps = [2, ")
    with world.database.write() as session:
        lesson_import.import_course(session, files(toml=toml), START, START)
    sign_up(world)
    confirm(world)
    pass_days(world, 1)
    assert lessons_to(world) == []
    pass_days(world, 1)
    assert lessons_to(world) == ALL[:1]


# ── consent ──


def test_each_step_is_proved_by_a_row_of_its_own(world: World) -> None:
    world.go(hours=1)
    steps = [sign_up, confirm, leave, come_back]
    for step in steps:
        step(world)
        world.go(hours=1)
    with world.database.read() as session:
        rows = session.query(Consent).order_by(Consent.id).all()
        course = world.the_course(session)
        person = person_of(session)
    assert [row.kind for row in rows] == ["signup", "confirm", "leave", "return"]
    assert [row.at for row in rows] == [START + timedelta(hours=n) for n in (1, 2, 3, 4)]
    for row in rows:
        assert (row.subscriber_id, row.course_id, row.source) == (person.id, course.id, "blog:knee")
        assert (row.ip, row.wording, row.note) == ("203.0.113.7", signup.WORDING, "")
        assert row.user_agent == FORM.user_agent[:300]


# ── leaving and coming back ──


def test_leaving_ends_everything_and_leaving_twice_is_leaving_once(world: World) -> None:
    sign_up(world)
    confirm(world)
    pass_days(world, 4)
    leave(world)
    ended = world.machine
    world.go(hours=1)
    leave(world)
    with world.database.read() as session:
        found = enrollment_of(session)
        assert found is not None
        assert (found.status, found.due_at, found.ended_at) == (Enrolled.LEFT, None, ended)
    pass_days(world, 60)
    assert lessons_to(world) == ALL[:2]
    assert consents(world) == ["signup", "confirm", "leave"]


@on_sqlite
def test_leaving_before_the_first_lesson_went_means_that_it_never_goes(world: World) -> None:
    sign_up(world)
    confirm(world)
    leave(world)
    pass_days(world, 60)
    assert lessons_to(world) == []


def test_coming_back_goes_on_where_the_reader_was(world: World) -> None:
    sign_up(world)
    confirm(world)
    pass_days(world, 4)
    leave(world)
    assert come_back(world) is True
    assert status(world) == Enrolled.ACTIVE
    pass_days(world, 20)
    assert lessons_to(world) == ALL


@on_sqlite
def test_coming_back_without_having_left_changes_nothing(world: World) -> None:
    sign_up(world)
    confirm(world)
    assert come_back(world) is True
    assert consents(world) == ["signup", "confirm"]


@pytest.mark.parametrize("reason", Suppressed)
@on_sqlite
def test_an_address_that_refused_does_not_come_back(world: World, reason: Suppressed) -> None:
    sign_up(world)
    confirm(world)
    leave(world)
    suppress(world, reason)
    world.go(days=100)
    assert come_back(world) is False
    assert status(world) == Enrolled.LEFT


@on_sqlite
def test_who_finished_may_leave_and_come_back_and_has_still_finished(world: World) -> None:
    sign_up(world)
    confirm(world)
    pass_days(world, 20)
    leave(world)
    assert status(world) == Enrolled.LEFT
    assert come_back(world) is True
    assert status(world) == Enrolled.FINISHED
    pass_days(world, 20)
    assert lessons_to(world) == ALL


@on_sqlite
def test_who_comes_back_is_not_planned_for_a_lesson_that_they_are_to_skip(world: World) -> None:
    """A new lesson with a short gap, put in behind the reader, would else bring the next one early."""
    sign_up(world)
    confirm(world)
    pass_days(world, 4)
    new = files(toml=COURSE_TOML.replace("[0, 3, 4, 3, 4]", "[0, 1, 3, 4, 3, 4]"), titles=("Start", "New", *TITLES[1:]))
    with world.database.write() as session:
        lesson_import.import_course(session, new, world.machine, world.course)
        before = enrollment_of(session)
        assert before is not None
        due = before.due_at
    leave(world)
    come_back(world)
    with world.database.read() as session:
        found = enrollment_of(session)
        assert found is not None
        assert found.due_at == due
    pass_days(world, 20)
    assert lessons_to(world) == ALL


class ClosedRoad(Outbox):
    """Takes nothing, surely, until it is opened."""

    is_open = False

    def post(self, body: bytes, key: str, count: int, ready: Ready = always) -> list[Outcome]:
        return (
            super().post(body, key, count, ready) if self.is_open else [Unreachable("closed", scope="message")] * count
        )


def test_a_lesson_that_was_put_off_when_the_reader_left_goes_when_they_come_back(world: World) -> None:
    road = ClosedRoad(world.outbox, lambda: world.machine)
    world.close()
    world.sender = world.new_sender(provider=road)
    sign_up(world)
    confirm(world)
    world.drain()
    leave(world)
    pass_days(world, 1)
    road.is_open = True
    pass_days(world, 3)
    assert lessons_to(world) == []
    come_back(world)
    pass_days(world, 30)
    assert lessons_to(world) == ALL
    assert status(world) == Enrolled.FINISHED


acts = st.lists(
    st.sampled_from(["sign up", "confirm", "leave", "come back"]) | st.sampled_from([0.1, 1, 2, 3.5, 5, 30]), max_size=8
)


@shared
@given(acts)
@example(["sign up", "confirm", 1, "leave", 5, "come back", "leave", "confirm", 3.5, "sign up"])
@example(["sign up", "confirm", "leave", "come back", 0.1, "leave", 5, "come back", 30, "leave", "come back"])
def test_whatever_a_reader_does_no_lesson_comes_twice_and_none_after_leaving(
    world: World, steps: list[str | float]
) -> None:
    email = f"runner{next(numbers)}@runner.test"
    doing = {"sign up": sign_up, "confirm": confirm, "leave": leave, "come back": come_back}
    sign_up(world, email)
    for step in steps:
        quiet = status(world, email) != Enrolled.ACTIVE
        before = lessons_to(world, email)
        if isinstance(step, str):
            doing[step](world, email)
        else:
            pass_days(world, step)
        after = lessons_to(world, email)
        assert after == ALL[: len(after)]  # in order, none left out, none twice
        assert not quiet or after == before
    reached = lessons_to(world, email)
    if status(world, email) == Enrolled.ACTIVE:
        pass_days(world, 40)
        assert lessons_to(world, email) == ALL
    elif status(world, email) == Enrolled.FINISHED:
        assert reached == ALL
    leave(world, email)


@on_sqlite
def test_letters_of_different_courses_do_not_wait_for_one_another(world: World) -> None:
    with world.database.write() as session:
        other = files("second", titles=("Other",), toml=COURSE_TOML.replace("[0, 3, 4, 3, 4]", "[0]"))
        lesson_import.import_course(session, other, START, START)
    world.enroll()
    sign_up(world, slug="second")
    with world.database.write() as session:
        person, course = person_of(session), world.the_course(session, "second")
        assert signup.look(session, person, course, world.machine) is Confirmed.READY
        signup.confirm(session, person, course, FORM, now=world.machine, course_now=world.course)
    world.drain()
    assert sorted(lessons_to(world)) == ["About Other", "About Start"]
    with world.database.write() as session:
        found = enrollments.of(session, person_of(session).id, world.the_course(session, "second").id)
        assert found is not None
        signup.leave(session, found, FORM, now=world.machine)
    pass_days(world, 4)
    assert "About Week" in lessons_to(world)


@on_sqlite
def test_what_came_in_goes_as_one_call_and_a_full_one_is_followed_at_once(world: World) -> None:
    for number in range(GROUP + 1):
        world.sign_up(f"reader{number}@runner.test")
    assert [world.sender.step("confirm") for _ in range(3)] == [True, False, False]
    assert len(world.mails()) == GROUP + 1


class FullMailbox(Outbox):
    """Refuses an address until it is emptied."""

    is_full = True

    def post(self, body: bytes, key: str, count: int, ready: Ready = always) -> list[Outcome]:
        refused = Refused("no such mailbox", "recipient")
        return [refused] * count if self.is_full else super().post(body, key, count, ready)


def test_a_lesson_that_an_address_refused_goes_when_its_reader_signs_up_again(world: World) -> None:
    mailbox = FullMailbox(world.outbox, lambda: world.machine)
    world.close()
    sign_up(world)
    confirm(world)
    world.sender = world.new_sender(provider=mailbox)
    while world.sender.step("lesson"):
        pass
    assert status(world) == Enrolled.STOPPED
    mailbox.is_full = False
    world.go(days=31)
    confirm(world)
    pass_days(world, 30)
    assert lessons_to(world) == ALL


@on_sqlite
def test_who_was_stopped_may_leave_and_is_not_back_by_that(world: World) -> None:
    sign_up(world)
    confirm(world)
    with world.database.write() as session:
        found = enrollment_of(session)
        assert found
        controls.stop(session, found, "an injury", world.now())
    assert come_back(world) is False
    leave(world)
    assert come_back(world) is False
    assert status(world) == Enrolled.STOPPED
    with world.database.read() as session:
        assert session.scalars(select(Consent.kind).order_by(Consent.id)).all() == ["signup", "confirm", "leave"]
