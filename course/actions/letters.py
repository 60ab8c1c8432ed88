"""Letters for people: which letter a delivery is, and the values that go into its slots."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from course.core import address
from course.core.letter import Block, Letter, Message, Values, no_blocks
from course.core.links import Links
from course.core.profile import Profile
from course.core.tokens import send_id
from course.core.units import Units
from course.mail.render import Composer, CourseFacts, Variant
from course.store.models import Course

HOUSE = "Email course"  # who writes to coaches


@dataclass(frozen=True, slots=True)
class Letters:
    """What mails say beyond the courses' own rows. Empty texts leave the word to the course."""

    composer: Composer
    links: Links
    id_key: bytes  # the installation's, see core/tokens.py
    sender_email: str
    reply_to: str
    postal_address: str

    def facts(self, course: Course) -> CourseFacts:
        """What the course's mails say about it; the environment wins over the course's own file."""
        return CourseFacts(
            slug=course.slug,
            title=course.title,
            sender=course.sender,
            sender_email=self.sender_email,
            reply_to=self.reply_to or course.reply_to,
            postal_address=self.postal_address or course.postal_address,
            disclaimer=course.disclaimer,
            list_id=f"{course.slug}.{urlsplit(self.links.public_url).hostname}",
            landing=self.links.landing(course.slug),
            public_url=self.links.public_url,
        )

    def lesson(self, course: Course, source: str, variant: Variant = "mail", runner: Profile | None = None) -> Letter:
        """With the sample runner's numbers in it; or, for whoever told their own, with slots for them."""
        units, own = (runner.units, not runner.says_nothing) if runner else (Units.BOTH, False)
        return self.composer.lesson(self.facts(course), source, variant, units, own)

    def confirm(self, course: Course) -> Letter:
        return self.composer.service(self.facts(course), "confirm")

    def lesson_message(
        self, letter: Letter, course: Course, to: "Recipient", place: "Place", own: Callable[[str], Block] = no_blocks
    ) -> Message:
        """One lesson for one reader; `own` are the blocks of a letter that has slots for them."""
        return Message(
            send_id=self.lesson_id(to.email_key, course, place),
            to=address.deliverable(to.email),
            letter=letter,
            values=Values(
                {
                    "first_name": to.name or course.first_name,
                    "course_title": course.title,
                    "lesson_number": str(place.number),
                    "lesson_count": str(place.count),
                    "course_page": self.links.reader(to.enrollment, to.links),
                    "view_in_browser": self.links.lesson(place.delivery),
                    "unsubscribe": self.links.leave(to.enrollment, to.links),
                },
                own,
            ),
        )

    def web_values(self, course: Course, name: str, number: int, count: int) -> Values:
        """For the web view and for coaches: it may be forwarded, so it carries none of the reader's own links, and none
        of their numbers: its letter is one with the sample runner's."""
        landing = self.links.landing(course.slug)
        return Values(
            {
                "first_name": name or course.first_name,
                "course_title": course.title,
                "lesson_number": str(number),
                "lesson_count": str(count),
                "course_page": landing,
                "view_in_browser": landing,
                "unsubscribe": landing,
            }
        )

    def confirm_message(
        self, course: Course, *, subscriber: int, email: str, email_key: str, copy: int, now: datetime
    ) -> Message:
        """The confirmation mail: nothing in it was typed by whoever filled the form, but the address it goes to."""
        return Message(
            send_id=send_id(self.id_key, email_key, course.id, "confirm", copy),
            to=address.deliverable(email),
            letter=self.confirm(course),
            values=Values({"confirm_url": self.links.confirmation(subscriber, course.id, now)}),
        )

    def notice(self, kind: str, email: str, values: Mapping[str, str]) -> Message:
        """A mail from the site itself, out of templates/mail/<kind>/; `values` go into its slots."""
        house = CourseFacts(
            slug="", title=HOUSE, sender=HOUSE, sender_email=self.sender_email, reply_to=self.reply_to, list_id="",
            postal_address="", disclaimer="", landing=self.links.public_url,
        )  # fmt: skip
        return Message("", address.deliverable(email), self.composer.service(house, kind), Values(dict(values)))

    def lesson_id(self, email_key: str, course: Course, place: "Place") -> str:
        return send_id(self.id_key, email_key, course.id, place.lesson, place.copy)


@dataclass(frozen=True, slots=True)
class Recipient:
    enrollment: int
    links: int
    email: str
    email_key: str
    name: str


@dataclass(frozen=True, slots=True)
class Place:
    """Which lesson, as which one of how many."""

    delivery: int
    lesson: int
    copy: int
    number: int
    count: int
