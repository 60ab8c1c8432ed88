import json
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from course.core.outcome import Accepted, Misconfigured, Outcome, Refused, Uncertain, Unreachable
from course.mail.http import Patience
from course.mail.postmark import Postmark
from tests.mail import http_server
from tests.mail.http_cases import PATIENT, HttpProviderCases
from tests.mail.http_server import ScriptedServer, says
from tests.mail.letters import UNSUBSCRIBE, a_letter, a_message, a_send_id, greeting

FOUND = {"TotalCount": 1, "Messages": [{"MessageID": "id7", "Metadata": {}}]}
NOT_FOUND = {"TotalCount": 0, "Messages": []}


class TestPostmark(HttpProviderCases):
    path = "/email/batch"
    auth = ("X-Postmark-Server-Token", "token")

    def make(self, base_url: str, patience: Patience) -> Postmark:
        return Postmark("token", settle=timedelta(minutes=30), base_url=base_url, patience=patience)

    def good(self, count: int) -> object:
        return [accepted(number) for number in range(count)]

    def refusal_of_a_recipient(self) -> object:
        return {"ErrorCode": 300, "Message": "Invalid 'To' address: 'x'."}

    def test_the_exact_request(self, server: ScriptedServer, provider: Postmark) -> None:
        server.script = [says(200, self.good(1))]
        provider.send([a_message(7, to="läufer@bücher.test".replace("ä", "ae"))], "k")
        [request] = server.seen
        assert json.loads(request.body) == [
            {
                "From": '"Läufe, leicht" <course@c.test>',
                "To": "laeufer@xn--bcher-kva.test",
                "ReplyTo": "help@c.test",
                "Subject": "Lesson 1: schön langsam",
                "TextBody": "Hallo,\n\nlauf los.\n",
                "HtmlBody": "<p>Hallo,</p><p>lauf los.</p>",
                "Headers": [
                    {"Name": "List-Unsubscribe", "Value": UNSUBSCRIBE},
                    {"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"},
                ],
                "Metadata": {"send_id": "00000000000000000000000000000007"},
                "TrackOpens": False,
                "TrackLinks": "None",
                "MessageStream": "broadcast",
            }
        ]
        assert request.headers["Accept"] == "application/json"

    def test_without_what_need_not_be_there(self, provider: Postmark) -> None:
        letter = a_letter(sender_name="", reply_to="", headers={})
        [item] = json.loads(provider.build([a_message(letter=letter)]))
        assert item["From"] == "course@c.test"
        assert "ReplyTo" not in item
        assert item["Headers"] == []

    def test_values_stand_where_their_slots_were(self, provider: Postmark) -> None:
        [item] = json.loads(provider.build([greeting("Jörg\r\nBcc: a <b>")]))
        assert item["Subject"] == "Hallo Jörg Bcc: a <b>!"
        assert item["HtmlBody"] == "Hallo Jörg\r\nBcc: a &lt;b&gt;!"

    def test_half_a_surrogate_pair_is_no_reason_to_fail(self, provider: Postmark) -> None:
        [item] = json.loads(provider.build([a_message(letter=a_letter(text="a\ud83db"))]))
        assert item["TextBody"] == "a?b"


ITEMS: list[tuple[object, Outcome | type[Outcome]]] = [
    ({"ErrorCode": 0, "MessageID": "id1"}, Accepted("id1")),
    ({"Message": "Message accepted, but delivery may be delayed.", "MessageID": "id1"}, Accepted("id1")),
    ({"ErrorCode": 0, "Message": "OK"}, Uncertain),
    ({"ErrorCode": 0, "MessageID": None}, Uncertain),
    ({"ErrorCode": "0", "MessageID": "id1"}, Uncertain),
    ({"ErrorCode": False, "MessageID": 5}, Uncertain),
    ({"Message": "?"}, Uncertain),
    (None, Uncertain),
    ("OK", Uncertain),
    ({"ErrorCode": 406, "Message": "inactive"}, Refused("406 inactive", "recipient")),
    (
        {"ErrorCode": 300, "Message": "Invalid 'To' address: 'a'."},
        Refused("300 Invalid 'To' address: 'a'.", "recipient"),
    ),
    ({"ErrorCode": 300, "Message": "Error parsing 'To': Illegal email domain 'a'"}, "recipient"),
    ({"ErrorCode": 300, "Message": "Invalid metadata content. 'To' is not a name"}, "message"),
    ({"ErrorCode": 300, "Message": "Error parsing 'ReplyTo': Illegal email"}, "message"),
    ({"ErrorCode": 300, "Message": "The subject is: Invalid 'To'"}, "message"),
    ({"ErrorCode": 300}, "message"),
    ({"ErrorCode": 300, "Message": "Invalid 'From' address: 'a'."}, Misconfigured),
    ({"ErrorCode": 10}, Misconfigured),
    ({"ErrorCode": 400}, Misconfigured),
    ({"ErrorCode": 401}, Misconfigured),
    ({"ErrorCode": 405}, Misconfigured),
    ({"ErrorCode": 412}, Misconfigured),
    ({"ErrorCode": 413}, Misconfigured),
    ({"ErrorCode": 1235, "Message": "no such stream"}, Misconfigured),
    ({"ErrorCode": 402}, "message"),
    ({"ErrorCode": 403}, "message"),
    ({"ErrorCode": 409}, "message"),
    ({"ErrorCode": 410}, "message"),
    ({"ErrorCode": 411}, "message"),
    ({"ErrorCode": 9999, "Message": "a\nb" * 500}, "message"),
    ({"ErrorCode": 100}, Unreachable),
    ({"ErrorCode": 429}, Unreachable),
]


@pytest.mark.parametrize(("item", "expected"), ITEMS)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_item_is_judged_by_itself(server: ScriptedServer, item: object, expected: object, place: int) -> None:
    answer = [accepted(number) for number in range(3)]
    answer[place] = item  # type: ignore[call-overload]
    server.script = [says(200, answer)]
    outcomes = postmark(server).send([a_message(number) for number in range(3)], "k")

    agrees(outcomes.pop(place), expected)
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)


CALLS = [
    (401, {"ErrorCode": 10, "Message": "Bad token"}, Misconfigured("401 10 Bad token")),
    (422, {"ErrorCode": 405, "Message": "no credits"}, Misconfigured),
    (422, {"ErrorCode": 412}, Misconfigured),
    (422, {"ErrorCode": 413}, Misconfigured),
    (422, {"ErrorCode": 1226}, Misconfigured),
    (422, {"ErrorCode": 402, "Message": "JSON"}, "message"),
    (422, {"ErrorCode": 410}, "message"),
    (422, {"ErrorCode": 406}, "recipient"),
    (422, {"ErrorCode": 300, "Message": "Invalid 'To' address: 'a'."}, "recipient"),
    (422, {"Message": "?"}, "message"),
    (413, {}, "message"),
    (415, {}, "message"),
    (429, {}, Unreachable),
    (500, {}, Uncertain),
    (500, {"ErrorCode": 500, "Message": "?"}, Uncertain),
    (503, b"<html></html>", Uncertain),
    (503, {"ErrorCode": 9999}, Uncertain),
    (503, {"ErrorCode": 100, "Message": "maintenance"}, Unreachable),
]


@pytest.mark.parametrize(("status", "body", "expected"), CALLS)
def test_a_call_that_was_refused(server: ScriptedServer, status: int, body: object, expected: object) -> None:
    server.script = [says(status, body)]
    [outcome] = postmark(server).send([a_message()], "k")
    agrees(outcome, expected)


def test_the_wait_that_was_asked_for_is_kept_with_a_code_too(server: ScriptedServer) -> None:
    server.script = [says(422, {"ErrorCode": 429, "Message": "slow"}, Retry_After="9")]
    assert postmark(server).send([a_message()], "k") == [Unreachable("422 429 slow", 9.0)]


def test_the_stream_is_a_setting(server: ScriptedServer) -> None:
    provider = Postmark("t", settle=timedelta(), message_stream="lessons", base_url=server.url)
    [item] = json.loads(provider.build([a_message()]))
    assert item["MessageStream"] == "lessons"


def test_look_up(server: ScriptedServer) -> None:
    server.script = [says(200, FOUND), says(200, NOT_FOUND)]
    assert postmark(server).look_up([a_send_id(1), a_send_id(2)]) == {a_send_id(1): "id7", a_send_id(2): None}
    url = urlsplit(server.seen[0].path)
    assert (server.seen[0].method, url.path) == ("GET", "/messages/outbound")
    assert parse_qs(url.query) == {
        "count": ["1"],
        "offset": ["0"],
        "metadata_send_id": [a_send_id(1)],
        "messagestream": ["broadcast"],
    }
    assert server.seen[0].headers["X-Postmark-Server-Token"] == "token"


@pytest.mark.parametrize(
    "behave",
    [
        http_server.resets,
        says(401, {"ErrorCode": 10}),
        says(404, NOT_FOUND),
        says(429),
        says(500),
        says(302, b"", Location="/"),
        says(200, b"<html>"),
        says(200, []),
        says(200, {"Messages": []}),
        says(200, {"TotalCount": 3, "Messages": []}),
        says(200, {"TotalCount": 0}),
        says(200, {"TotalCount": 9, "Messages": [{"MessageID": "id8", "Metadata": {"send_id": "another"}}]}),
        says(200, {"TotalCount": 0, "Messages": "none"}),
    ],
)
def test_what_it_could_not_ask_about_is_left_out(server: ScriptedServer, behave: http_server.Behaviour) -> None:
    server.script = [says(200, FOUND), behave]
    assert postmark(server).look_up([a_send_id(number) for number in range(5)]) == {a_send_id(0): "id7"}
    assert len(server.seen) == 2, "it does not ask on"


def accepted(number: int) -> object:
    return {"To": "x", "SubmittedAt": "2026", "MessageID": f"id{number}", "ErrorCode": 0, "Message": "OK"}


def postmark(server: ScriptedServer) -> Postmark:
    return Postmark("token", settle=timedelta(minutes=30), base_url=server.url, patience=PATIENT)


def agrees(outcome: Outcome, expected: object) -> None:
    """`expected` is an outcome, a class of them, or whom a Refused blames."""
    if isinstance(expected, str):
        assert isinstance(outcome, Refused)
        assert outcome.scope == expected
        assert len(outcome.reason) <= 300
        assert "\n" not in outcome.reason
    elif isinstance(expected, type):
        assert isinstance(outcome, expected)
    else:
        assert outcome == expected
