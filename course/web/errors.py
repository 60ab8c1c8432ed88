"""Errors as people can use them: what was wrong and what to do, as a page or as JSON."""

from flask import Flask, Response, jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException

WORDS = {
    400: ("We could not read that", "Something in the request was not as expected.", "Go back and try again."),
    403: ("This is not open", "This page is for others.", "Start from the course's front page."),
    404: (
        "There is nothing here",
        "The address may be cut off or mistyped.",
        "Check it, or start from the front page.",
    ),
    405: ("That does not work here", "This address cannot do that.", "Start from the front page."),
    413: ("That was too much", "What you sent is larger than this form takes.", "Shorten it and try again."),
    500: (
        "Something broke on our side",
        "It is noted in our log, and nothing you sent was lost halfway.",
        "Try again.",
    ),
    503: ("We are busy for a moment", "The course could not reach its own memory.", "Try again in a minute."),
}
DEAD_LINK = (  # for one that is forged, cut, old, revoked or somebody else's: nobody learns which
    "This link does not work",
    "It may be too old, or a piece of it was lost on the way.",
    "The link to your course page is at the foot of your newest lesson. There you can also have a fresh private link "
    "mailed to you.",
)


def handle(app: Flask) -> None:
    app.register_error_handler(HTTPException, _answer)


def words(error: HTTPException) -> tuple[str, str, str]:
    """Title, what was wrong, and what to do."""
    if error.code == 404 and request.blueprint == "readers" and "token" in (request.view_args or {}):
        return DEAD_LINK
    return WORDS.get(error.code or 500, (error.name, error.description or "", "Start from the front page."))


def _answer(error: HTTPException) -> Response:
    status = error.code or 500
    title, message, remedy = words(error)
    if request.is_json or request.accept_mimetypes.best == "application/json":
        response = make_response(jsonify(error=f"{title}: {message} {remedy}"), status)
    else:
        page = render_template(
            "readers/error.html", course=None, status=status, title=title, message=message, remedy=remedy
        )
        response = make_response(page, status)
    if isinstance(allowed := getattr(error, "valid_methods", None), list):
        response.headers["Allow"] = ", ".join(sorted(allowed))
    return response
