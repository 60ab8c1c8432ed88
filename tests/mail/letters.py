"""Letters and messages to send in tests. Send ids and addresses are numbered, so that a failure is readable."""

from collections.abc import Mapping

from course.core.letter import Kind, Letter, Message, Part, Slot, Values

UNSUBSCRIBE = f"<https://course.test/u/{'x' * 120}>"
HEADERS = {"List-Unsubscribe": UNSUBSCRIBE, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def part(text: str) -> Part:
    return Part((text,))


def a_letter(
    *,
    sender_name: str = "Läufe, leicht",
    sender_email: str = "course@c.test",
    reply_to: str = "help@c.test",
    subject: str = "Lesson 1: schön langsam",
    text: str = "Hallo,\n\nlauf los.\n",
    html: str = "<p>Hallo,</p><p>lauf los.</p>",
    headers: Mapping[str, str] = HEADERS,
) -> Letter:
    """A letter without slots, all of it as given."""
    return Letter(
        sender_name,
        sender_email,
        reply_to,
        part(subject),
        part(text),
        part(html),
        {name: part(value) for name, value in headers.items()},
    )


def a_message(number: int = 1, to: str = "", letter: Letter | None = None, **values: str) -> Message:
    return Message(a_send_id(number), to or f"runner{number}@x.test", letter or a_letter(), Values(values))


def a_send_id(number: int) -> str:
    return f"{number:032x}"


def greeting(name: str) -> Message:
    """A message whose subject, text and HTML have the name in a slot."""
    here = [Part(("Hallo ", "!"), (Slot("name", kind),)) for kind in (Kind.LINE, Kind.TEXT, Kind.HTML)]
    letter = Letter("Course", "course@c.test", "", *here, {})
    return a_message(letter=letter, name=name)
