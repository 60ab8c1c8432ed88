import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.core.outcome import Accepted, Misconfigured, Outcome, Refused, Uncertain, Unreachable
from course.mail.http import Patience
from course.mail.resend import Resend
from tests.mail.http_cases import PATIENT, HttpProviderCases
from tests.mail.http_server import ScriptedServer, says
from tests.mail.letters import UNSUBSCRIBE, a_letter, a_message
from tests.mail.test_postmark import agrees


class TestResend(HttpProviderCases):
    path = "/emails/batch"
    auth = ("Authorization", "Bearer re_1")

    def make(self, base_url: str, patience: Patience) -> Resend:
        return Resend("re_1", base_url=base_url, patience=patience)

    def good(self, count: int) -> object:
        return {"data": [{"id": f"id{number}"} for number in range(count)]}

    def refusal_of_a_recipient(self) -> object:
        return {"statusCode": 422, "name": "validation_error", "message": "Invalid `to` field."}

    def test_the_exact_request(self, server: ScriptedServer, provider: Resend) -> None:
        server.script = [says(200, self.good(1))]
        provider.send([a_message(7, to="runner@bücher.test")], "call-1/0")
        [request] = server.seen
        assert json.loads(request.body) == [
            {
                "from": "Läufe leicht <course@c.test>",
                "to": ["runner@xn--bcher-kva.test"],
                "reply_to": ["help@c.test"],
                "subject": "Lesson 1: schön langsam",
                "text": "Hallo,\n\nlauf los.\n",
                "html": "<p>Hallo,</p><p>lauf los.</p>",
                "headers": {
                    "List-Unsubscribe": UNSUBSCRIBE,
                    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
                },
                "tags": [{"name": "send_id", "value": "00000000000000000000000000000007"}],
            }
        ]
        assert request.headers["Idempotency-Key"] == "call-1/0"
        assert request.headers["x-batch-validation"] == "permissive"

    def test_a_replay_is_the_same_call(self, server: ScriptedServer, provider: Resend) -> None:
        server.script = [says(500), says(200, self.good(1))]
        body = provider.build([a_message()])
        assert isinstance(provider.post(body, "k", 1)[0], Uncertain)
        assert provider.post(body, "k", 1) == [Accepted("id0")]
        first, second = server.seen
        assert (first.body, first.headers["Idempotency-Key"]) == (second.body, second.headers["Idempotency-Key"])

    def test_without_what_need_not_be_there(self, provider: Resend) -> None:
        [item] = json.loads(provider.build([a_message(letter=a_letter(sender_name=".", reply_to="", headers={}))]))
        assert item["from"] == "course@c.test"
        assert "reply_to" not in item


NAMES = [
    (400, "invalid_idempotency_key", "", "message"),
    (400, "validation_error", "Invalid `to` field. The email address needs to follow …", "recipient"),
    (422, "validation_error", "Invalid `to` field.", "recipient"),
    (422, "validation_error", "Invalid `subject` field.", "message"),
    (422, "validation_error", "Invalid `from` field.", Misconfigured),
    (422, "missing_required_field", "Missing `html` or `text` field.", "message"),
    (422, "invalid_parameter", "", "message"),
    (422, "invalid_attachment", "", "message"),
    (422, "invalid_from_address", "Invalid from field", Misconfigured),
    (401, "missing_api_key", "", Misconfigured("401 missing_api_key:")),
    (401, "restricted_api_key", "", Misconfigured),
    (403, "invalid_api_key", "", Misconfigured),
    (403, "suspended_api_key", "", Misconfigured),
    (403, "invalid_permission", "", Misconfigured),
    (403, "validation_error", "The c.test domain is not verified. Please …", Misconfigured),
    (403, "validation_error", "You can only send testing emails to your own `to` address", Misconfigured),
    (403, "a_new_word", "", Misconfigured),
    (404, "not_found", "", Misconfigured),
    (405, "method_not_allowed", "", Misconfigured),
    (409, "concurrent_idempotent_requests", "", Uncertain),
    (409, "resource_locked", "", Uncertain),
    (
        409,
        "invalid_idempotent_request",
        "other payload",
        Uncertain("409 invalid_idempotent_request: other payload", key_taken=True),
    ),
    (429, "rate_limit_exceeded", "slow", Unreachable("429 rate_limit_exceeded: slow", 2.0)),
    (429, "daily_quota_exceeded", "", Misconfigured),
    (429, "monthly_quota_exceeded", "", Misconfigured),
    (451, "security_error", "", "message"),
    (500, "application_error", "", Uncertain),
    (500, "internal_server_error", "", Uncertain),
    (503, "service_unavailable", "", Uncertain),
    (503, "", "", Uncertain),
    (422, "a_new_word", "", "message"),
    (429, "a_new_word", "", Unreachable),
    (500, "a_new_word", "", Uncertain),
]


@pytest.mark.parametrize(("status", "name", "message", "expected"), NAMES)
def test_a_call_that_was_refused(
    server: ScriptedServer, status: int, name: str, message: str, expected: object
) -> None:
    body = {"statusCode": status, "name": name, "message": message}
    server.script = [says(status, body, ratelimit_reset="2")]
    [outcome] = resend(server).send([a_message()], "k")
    agrees(outcome, expected)


@pytest.mark.parametrize(("status", "name"), [(503, "service_unavailable"), (409, "resource_locked"), (503, "")])
def test_an_answer_that_is_uncertain_says_for_how_long(server: ScriptedServer, status: int, name: str) -> None:
    server.script = [says(status, {"name": name, "message": ""}, Retry_After="900")]
    [outcome] = resend(server).send([a_message()], "k")
    assert isinstance(outcome, Uncertain)
    assert outcome.after == 900.0


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Invalid `to` field.", Refused("Invalid `to` field.", "recipient")),
        ("Invalid `subject` field.", Refused("Invalid `subject` field.", "message")),
        ("The c.test domain is not verified.", Misconfigured),
        ("", "message"),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_bad_item_does_not_keep_the_others(
    server: ScriptedServer, message: str, expected: object, place: int
) -> None:
    good = [{"id": "id0"}, {"id": "id1"}]
    server.script = [says(200, {"data": good, "errors": [{"index": place, "message": message}]})]
    outcomes = resend(server).send([a_message(number) for number in range(3)], "k")
    agrees(outcomes.pop(place), expected)
    assert outcomes == [Accepted("id0"), Accepted("id1")]


@given(st.lists(st.booleans(), min_size=1, max_size=100))
def test_every_index_finds_its_message(taken: list[bool]) -> None:
    answer = {
        "data": [{"id": f"id{index}"} for index, good in enumerate(taken) if good],
        "errors": [{"index": index, "message": f"m{index}"} for index, good in enumerate(taken) if not good],
    }
    expected: list[Outcome] = [
        Accepted(f"id{index}") if good else Refused(f"m{index}", "message") for index, good in enumerate(taken)
    ]
    assert Resend("re_1").read_items(answer, len(taken)) == expected


@pytest.mark.parametrize(
    "answer",
    [
        {"data": [{"id": "a"}], "errors": [{"index": 2, "message": "beyond the end"}]},
        {"data": [{"id": "a"}], "errors": [{"index": -1, "message": "before the start"}]},
        {"data": [{"id": "a"}], "errors": [{"index": True, "message": "no number"}]},
        {"data": [{"id": "a"}], "errors": [{"index": "1", "message": "no number"}]},
        {"data": [{"id": "a"}], "errors": [{"message": "no index"}]},
        {"data": [{"id": "a"}], "errors": ["?"]},
        {"data": [{"id": "a"}], "errors": {"index": 1}},
        {"data": [], "errors": [{"index": 1}, {"index": 1}]},
        {"data": [{"id": "a"}], "errors": [{"index": 1}, {"index": 1}]},
        {"data": [{"id": "a"}, {"id": "b"}], "errors": [{"index": 1}]},
        {"data": None, "errors": [{"index": 0}, {"index": 1}]},
        {"data": {"id": "a"}},
        [{"id": "a"}, {"id": "b"}],
    ],
)
def test_an_answer_that_does_not_add_up(server: ScriptedServer, answer: object) -> None:
    server.script = [says(200, answer)]
    outcomes = resend(server).send([a_message(1), a_message(2)], "k")
    assert [type(outcome) for outcome in outcomes] == [Uncertain, Uncertain]


@pytest.mark.parametrize("item", [{}, {"id": None}, {"id": ""}, {"id": 5}, None, "id"])
def test_an_item_without_an_id(server: ScriptedServer, item: object) -> None:
    server.script = [says(200, {"data": [item, {"id": "id1"}]})]
    first, second = resend(server).send([a_message(1), a_message(2)], "k")
    assert isinstance(first, Uncertain)
    assert second == Accepted("id1")


def test_it_offers_keys_and_no_look_up() -> None:
    provider = Resend("re_1")
    assert (provider.honours_keys, provider.settle) == (True, None)
    with pytest.raises(NotImplementedError):
        provider.look_up(["a"])


def resend(server: ScriptedServer) -> Resend:
    return Resend("re_1", base_url=server.url, patience=PATIENT)
