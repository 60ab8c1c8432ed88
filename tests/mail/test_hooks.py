"""Webhooks: genuine over the raw bytes, read without trust, in our own words."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.core.happening import Happened
from course.mail.postmark_hook import PostmarkHook
from course.mail.registry import hook_named
from course.mail.resend_hook import ResendHook

# A golden vector that does not depend on our own signing code (Standard Webhooks, HMAC-SHA256).
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
AT = datetime.fromtimestamp(1700000000, UTC)
BODY = b'{"type":"email.delivered","data":{"email_id":"e1"}}'
HEADERS = {
    "svix-id": "msg_1",
    "svix-timestamp": "1700000000",
    "svix-signature": "v1,fVVOXVnmmZEAdS+EL4ys14Rz7yVB9/e8QfL/2kEPI88=",
}


def resend(*secrets: str) -> ResendHook:
    return ResendHook(secrets or (SECRET,))


def test_the_golden_vector_is_genuine() -> None:
    assert resend().genuine(HEADERS, BODY, AT)
    standard = {name.replace("svix", "webhook"): value for name, value in HEADERS.items()}
    assert resend().genuine(standard, BODY, AT)


@pytest.mark.parametrize("place", range(len(BODY)))
def test_one_flipped_byte_is_not_genuine(place: int) -> None:
    flipped = BODY[:place] + bytes([BODY[place] ^ 1]) + BODY[place + 1 :]
    assert not resend().genuine(HEADERS, flipped, AT)


@pytest.mark.parametrize("name", HEADERS)
def test_a_missing_or_changed_header_is_not_genuine(name: str) -> None:
    assert not resend().genuine({k: v for k, v in HEADERS.items() if k != name}, BODY, AT)
    for place in range(len(HEADERS[name])):
        value = HEADERS[name][:place] + ("x" if HEADERS[name][place] != "x" else "y") + HEADERS[name][place + 1 :]
        assert not resend().genuine(HEADERS | {name: value}, BODY, AT), value


@pytest.mark.parametrize("minutes", [-6, 6, 60 * 24])
def test_a_stale_or_future_stamp_is_not_genuine(minutes: int) -> None:
    assert not resend().genuine(HEADERS, BODY, AT + timedelta(minutes=minutes))


def test_two_secrets_are_believed_while_they_rotate_and_a_third_is_not() -> None:
    other = "whsec_" + base64.b64encode(b"x" * 24).decode()
    assert resend(other, SECRET).genuine(HEADERS, BODY, AT)
    assert not resend(other).genuine(HEADERS, BODY, AT)
    assert not resend("whsec_no base64!").genuine(HEADERS, BODY, AT)


def test_only_the_right_address_opens_and_without_a_secret_there_is_no_door() -> None:
    hook = PostmarkHook(["a-long-random-word", "the-next-one"])
    assert hook.opens("a-long-random-word")
    assert hook.opens("the-next-one")
    assert not hook.opens("a-long-random-wore")
    assert not hook.opens("")
    assert hook_named("postmark", []) is None
    assert hook_named("smtp", ["secret"]) is None


def one(hook: Any, told: Any, headers: Any = HEADERS) -> Any:
    [event] = hook.events(headers, json.dumps(told).encode(), AT)
    return event


@pytest.mark.parametrize(
    ("told", "what"),
    [
        ({"RecordType": "Delivery", "DeliveredAt": "2023-11-01T00:00:00Z"}, Happened.DELIVERED),
        ({"RecordType": "Bounce", "Type": "HardBounce", "ID": 4323372036854775807}, Happened.BOUNCE_HARD),
        ({"RecordType": "Bounce", "Type": "SoftBounce", "ID": 1}, Happened.BOUNCE_SOFT),
        ({"RecordType": "Bounce", "Type": "Blocked", "ID": 1, "Inactive": True}, Happened.BLOCKED),
        ({"RecordType": "Bounce", "Type": "AutoResponder", "ID": 1}, None),
        ({"RecordType": "SpamComplaint", "ID": 2}, Happened.COMPLAINT),
        (
            {"RecordType": "SubscriptionChange", "SuppressSending": True, "SuppressionReason": "ManualSuppression"},
            Happened.UNSUBSCRIBE,
        ),
        ({"RecordType": "SubscriptionChange", "SuppressSending": False}, None),
        ({"RecordType": "Open"}, None),
    ],
)
def test_postmarks_words_become_ours(told: dict[str, Any], what: Happened | None) -> None:
    event = one(PostmarkHook(["s"]), told | {"Recipient": "Ann@Runner.test", "Metadata": {"send_id": "f" * 32}})
    assert (event.what, event.send_id, event.recipient) == (what, "f" * 32, "Ann@Runner.test")


@pytest.mark.parametrize(
    ("kind", "more", "what"),
    [
        ("email.sent", {}, Happened.ACCEPTED),
        ("email.delivered", {}, Happened.DELIVERED),
        ("email.bounced", {"bounce": {"type": "Permanent", "message": "no such user"}}, Happened.BOUNCE_HARD),
        ("email.bounced", {"bounce": {"type": "Transient"}}, Happened.BOUNCE_SOFT),
        ("email.complained", {}, Happened.COMPLAINT),
        ("email.suppressed", {"suppressed": {"reason": "previous_bounce"}}, Happened.BLOCKED),
        ("email.failed", {"failed": {"reason": "x"}}, Happened.FAILED),
        ("email.opened", {}, None),
        ("contact.created", {}, None),
    ],
)
@pytest.mark.parametrize("tags", [{"send_id": "f" * 32}, [{"name": "send_id", "value": "f" * 32}]])
def test_resends_words_become_ours(kind: str, more: dict[str, Any], what: Happened | None, tags: Any) -> None:
    data = {"email_id": "e", "to": ["ann@runner.test"], "tags": tags} | more
    event = one(resend(), {"type": kind, "created_at": "2023-11-01T00:00:00.000Z", "data": data})
    assert (event.what, event.send_id, event.recipient, event.identity) == (what, "f" * 32, "ann@runner.test", "msg_1")
    assert event.at == datetime(2023, 11, 1, tzinfo=UTC)


def test_the_same_event_told_again_has_the_same_identity() -> None:
    told = {"RecordType": "Delivery", "MessageID": "m", "Recipient": "a@b.test", "DeliveredAt": "2023-11-01T00:00:00Z"}
    first, again = one(PostmarkHook(["s"]), told), one(PostmarkHook(["s"]), told | {"Details": "later"})
    assert first.identity == again.identity
    assert first.identity != one(PostmarkHook(["s"]), told | {"MessageID": "n"}).identity


def test_one_bad_element_does_not_lose_the_others() -> None:
    good = {"RecordType": "Delivery", "Recipient": "a@b.test", "Metadata": {"send_id": "f" * 32}}
    events = list(PostmarkHook(["s"]).events({}, json.dumps([good, None, 7, good]).encode(), AT))
    assert [event.what for event in events] == [Happened.DELIVERED, None, None, Happened.DELIVERED]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["type", "data", "to", "tags", "bounce", "RecordType", "Metadata", "ID", "Type", "created_at"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@given(ANYTHING)
def test_whatever_json_comes_it_is_kept_and_nothing_breaks(told: Any) -> None:
    body = json.dumps(told).encode()
    for hook in (PostmarkHook(["s"]), resend()):
        for event in hook.events({"svix-id": "1"}, body, AT):
            assert "\x00" not in event.raw + event.recipient + event.detail
            event.raw.encode()
            assert event.at <= AT


@given(st.binary(max_size=200))
def test_whatever_bytes_come_they_are_kept(body: bytes) -> None:
    for hook in (PostmarkHook(["s"]), resend()):
        assert all(event.raw is not None for event in hook.events({}, body, AT))


def test_a_signature_of_ours_agrees_with_a_plain_hmac() -> None:
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    signature = base64.b64encode(hmac.digest(key, b"msg_1.1700000000." + BODY, "sha256")).decode()
    assert HEADERS["svix-signature"] == f"v1,{signature}"
