"""The addresses that stand in mails. Built from the configured public URL only, never from a request's Host."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from course.core.tokens import Purpose, Tokens, epoch

CONFIRM_LIFE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Links:
    public_url: str
    tokens: Tokens

    def landing(self, course_slug: str) -> str:
        return f"{self.public_url}/courses/{course_slug}"

    def confirmation(self, subscriber: int, course: int, now: datetime) -> str:
        """Good for seven days of machine time."""
        token = self.tokens.make(Purpose.CONFIRM, subscriber, course, epoch(now + CONFIRM_LIFE))
        return f"{self.public_url}/confirmations/{token}"

    def leave(self, enrollment: int, links: int) -> str:
        return f"{self.public_url}/unsubscriptions/{self.tokens.make(Purpose.LEAVE, enrollment, links)}"

    def reader(self, enrollment: int, links: int) -> str:
        return f"{self.public_url}/readers/{self.tokens.make(Purpose.READER, enrollment, links)}"

    def private(self, enrollment: int, links: int, expires: int) -> str:
        """For what must not be forwarded; `expires` in epoch seconds of machine time."""
        return f"{self.public_url}/readers/private/{self.tokens.make(Purpose.ACCESS, enrollment, links, expires)}"

    def address(self, enrollment: int, links: int, expires: int, number: int) -> str:
        """For a new address to say yes; `number` is made of the address, so that the link is good for no other."""
        token = self.tokens.make(Purpose.ADDRESS, enrollment, links, expires, number)
        return f"{self.public_url}/readers/addresses/{token}"

    def coach(self, purpose: Purpose, *numbers: int) -> str:
        """A way in for a coach, good once; actions/coaches.py says for how long."""
        return f"{self.public_url}/admin/links/{self.tokens.make(purpose, *numbers)}"

    def lesson(self, delivery: int) -> str:
        return f"{self.public_url}/lessons/{self.tokens.make(Purpose.READ, delivery)}"
