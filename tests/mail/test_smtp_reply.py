import pytest

from course.core.outcome import Misconfigured, Refused, Uncertain, Unreachable
from course.mail.smtp_reply import Step, is_good, outcome_of_reply

STEPS: tuple[Step, ...] = ("MAIL", "RCPT", "DATA", "the dot")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("550 5.1.1 no such user", "recipient"),
        ("550 5.1.2 no such domain", "recipient"),
        ("553 5.1.3 bad syntax", "recipient"),
        ("551 5.1.6 moved", "recipient"),
        ("556 5.1.10 null MX", "recipient"),
        ("550 5.2.1 disabled", "recipient"),
        ("550 no such user", "recipient"),
        ("501 syntax", "recipient"),
        ("553 not allowed", "recipient"),
        ("550 5.4.1 Recipient address rejected: Access denied", "recipient"),
        ("550 5.1.1 <a@privaterelay.test> unknown", "recipient"),
        ("552 5.2.2 mailbox full", Unreachable),
        ("552 mailbox full", Unreachable),
        ("450 4.2.1 try later", Unreachable),
        ("421 4.3.2 closing", Unreachable),
        ("454 4.7.0 not now", Unreachable),
        ("452 4.5.3 too many", Unreachable),
        ("550 5.7.1 blocked by policy", "message"),
        ("550 5.7.1 blocked: <a@privaterelay.test>", "message"),
        ("554 5.7.0 no", "message"),
        ("554 no", "message"),
        ("552 5.3.4 too big", "message"),
        ("552 5.2.3 too long", "message"),
        ("550 5.7.26 unauthenticated", Misconfigured),
        ("550 5.7.515 Access denied, sending domain …", Misconfigured),
        ("550 5.7.60 Client does not have permissions to send as this sender", Misconfigured),
        ("530 5.7.0 authentication required", Misconfigured),
        ("535 5.7.8 wrong", Misconfigured),
        ("538 5.7.11 encryption required", Misconfigured),
        ("550 5.1.8 sender domain", Misconfigured),
        ("554 5.7.1 <a@x.test>: Relay access denied", Misconfigured),
        ("550 5.7.1 Unable to relay", Misconfigured),
        ("550 relaying denied", Misconfigured),
        ("550 5.7.1 Relaying not allowed", Misconfigured),
        ("-1 garbage", Unreachable),
    ],
)
def test_to_a_recipient(reply: str, expected: object) -> None:
    agrees("RCPT", reply, expected)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    ("reply", "expected"),
    [("421 4.3.2 closing", Unreachable), ("451 4.7.1 greylisted", Unreachable), ("535 5.7.8 wrong", Misconfigured)],
)
def test_at_every_step(step: Step, reply: str, expected: object) -> None:
    agrees(step, reply, expected)


@pytest.mark.parametrize(
    ("step", "reply", "expected"),
    [
        ("MAIL", "550 5.1.1 never heard of you", Misconfigured),
        ("MAIL", "501 syntax", Misconfigured),
        ("MAIL", "552 too big", "message"),
        ("MAIL", "554 5.3.4 too big", "message"),
        ("DATA", "554 no valid recipients", "message"),
        ("the dot", "550 5.1.1 unknown after all", "recipient"),
        ("the dot", "550 spam", "message"),
        ("the dot", "554 5.6.0 lone CR", "message"),
        ("the dot", "-1 garbage", Uncertain),
        ("DATA", "-1 garbage", Unreachable),
    ],
)
def test_at_other_steps(step: Step, reply: str, expected: object) -> None:
    agrees(step, reply, expected)


def test_what_is_good() -> None:
    assert [is_good(step, code) for step, code in zip(STEPS, (250, 251, 354, 250), strict=True)] == [True] * 4
    assert [is_good(step, code) for step, code in zip(STEPS, (354, 354, 250, 354), strict=True)] == [False] * 4


def test_a_reason_is_one_short_line() -> None:
    outcome = outcome_of_reply("RCPT", 550, "5.1.1 a\n5.1.1 b" + "c" * 500)
    assert isinstance(outcome, Refused)
    assert outcome.reason.startswith("RCPT: 550 5.1.1 a 5.1.1 bc")
    assert len(outcome.reason) == 300


def agrees(step: Step, reply: str, expected: object) -> None:
    code, _, text = reply.partition(" ")
    outcome = outcome_of_reply(step, int(code), text)
    if isinstance(expected, str):
        assert isinstance(outcome, Refused)
        assert outcome.scope == expected
    else:
        assert isinstance(outcome, expected)  # type: ignore[arg-type]
