"""What the replies of an SMTP server, and the lack of them, mean (RFC 5321, 3463, 4954, 7372, 7505)."""

import re
import smtplib
import ssl
from functools import partial
from typing import Literal

from course.core.letter import one_line
from course.core.outcome import Misconfigured, Outcome, Uncertain, Unreachable
from course.mail.provider import MESSAGE, RECIPIENT, Meaning

LONGEST_REASON = 300

Step = Literal["MAIL", "RCPT", "DATA", "the dot"]
_GOOD: dict[Step, int] = {"MAIL": 2, "RCPT": 2, "DATA": 3, "the dot": 2}  # the hundreds: 251 is 250 with a note

WAIT: Meaning = partial(Unreachable, scope="message")  # only this message: greylisting, a full mailbox

# A permanent reply by its enhanced code, without the leading 5 …
_ENHANCED: dict[str, Meaning] = {
    "1.1": RECIPIENT,  # no such mailbox
    "1.2": RECIPIENT,  # no such domain
    "1.3": RECIPIENT,  # the address is not one
    "1.6": RECIPIENT,  # moved
    "1.7": Misconfigured,  # the sender's address is not one
    "1.8": Misconfigured,  # the sender's domain does not exist
    "1.10": RECIPIENT,  # the domain takes no mail
    "2.1": RECIPIENT,  # disabled
    "2.2": WAIT,  # the mailbox is full: that passes, whatever the reply says
    "2.3": MESSAGE,  # too long
    "3.4": MESSAGE,  # too big
    "7.8": Misconfigured,  # credentials
    "7.9": Misconfigured,  # kind of login
    "7.11": Misconfigured,  # wants TLS
    "7.20": Misconfigured,  # 20 to 27: DKIM, SPF, reverse DNS, the sender's domain
    "7.21": Misconfigured,
    "7.22": Misconfigured,
    "7.23": Misconfigured,
    "7.24": Misconfigured,
    "7.25": Misconfigured,
    "7.26": Misconfigured,
    "7.27": Misconfigured,
    "7.60": Misconfigured,  # may not send as this sender (Microsoft)
    "7.515": Misconfigured,  # the sender's domain does not authenticate (Microsoft)
}
_POLICY = "7."  # any other of these: never the recipient's fault
# … or, without one that is known, by its step and code; what is not here blames the message.
_CODES: dict[tuple[Step, int], Meaning] = {
    ("RCPT", 501): RECIPIENT,
    ("RCPT", 550): RECIPIENT,
    ("RCPT", 551): RECIPIENT,
    ("RCPT", 552): WAIT,  # the mailbox is full
    ("RCPT", 553): RECIPIENT,
}
_CLOSING = {421, 454}  # the server itself has no time now
_LOGIN = {530, 534, 535, 538}
_ENHANCED_CODE = re.compile(r"5\.([0-9]{1,3}\.[0-9]{1,3})\b")
_TOO_BIG = re.compile(r"552|.*\b5\.(3\.4|2\.3)\b")
# The commonest wrong setting. The bare word would not do: it is in every address of Apple's private relay.
_NO_RELAY = re.compile(r"relay(ing)?( access)? (is )?(denied|not|prohibited)|unable to relay", re.IGNORECASE)


def is_good(step: Step, code: int) -> bool:
    return code // 100 == _GOOD[step]


def outcome_of_no_connection(error: Exception) -> Outcome:
    """From the connection to the login nothing is sent; the question is whether waiting helps."""
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        reason = _reason(
            "greeting", error.smtp_code, text.decode(errors="replace") if isinstance(text, bytes) else text
        )
        return Misconfigured(reason) if error.smtp_code // 100 == 5 else Unreachable(reason)
    reason = f"{type(error).__name__}: {error}"
    if isinstance(error, (smtplib.SMTPServerDisconnected, ssl.SSLEOFError)):
        return Unreachable(reason)
    if isinstance(error, (smtplib.SMTPException, ssl.SSLError, ValueError)):
        return Misconfigured(reason)  # no STARTTLS or AUTH there, a certificate, a password that is not ASCII
    return Unreachable(reason)


def outcome_of_loss(step: Step, error: OSError) -> Outcome:
    """The connection broke or fell silent; before the dot the server has only half a message and drops it."""
    reason = one_line(f"lost at {step}: {error or type(error).__name__}")[:LONGEST_REASON]
    return Uncertain(reason) if step == "the dot" else Unreachable(reason)


def outcome_of_reply(step: Step, code: int, text: str) -> Outcome:
    """The outcome of a reply that is not the good one: not taken, unless the last reply makes no sense."""
    reason = _reason(step, code, text)
    if code // 100 == 4:
        return Unreachable(reason) if step == "MAIL" or code in _CLOSING else WAIT(reason)
    if code // 100 != 5:
        return Uncertain(reason) if step == "the dot" else Unreachable(reason)
    if step == "MAIL" and not _TOO_BIG.match(f"{code} {text}"):
        return Misconfigured(reason)  # all it has heard of the message is its sender
    return _meaning(step, code, text)(reason)


def _meaning(step: Step, code: int, text: str) -> Meaning:
    if code in _LOGIN or _NO_RELAY.search(text):
        return Misconfigured
    enhanced = _ENHANCED_CODE.match(text)
    if enhanced and (known := _ENHANCED.get(enhanced[1])):
        return known
    if enhanced and enhanced[1].startswith(_POLICY):
        return MESSAGE
    return _CODES.get((step, code), MESSAGE)


def _reason(step: str, code: int, text: str) -> str:
    return one_line(f"{step}: {code} {text}")[:LONGEST_REASON]
