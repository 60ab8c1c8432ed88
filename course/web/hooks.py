"""`POST /hooks/<provider>/<secret>`: verified over the raw bytes, stored once, answered after the commit."""

import logging

from flask import Blueprint, Response, abort, make_response, request

from course.actions import events
from course.web.doors import open_door
from course.web.services import services

bp = Blueprint("hooks", __name__)
log = logging.getLogger(__name__)
MAX_BODY = 2 * 1024 * 1024  # bytes


@bp.post("/hooks/<provider>/<secret>")
@open_door
def take_events(provider: str, secret: str) -> Response:
    """2xx once the events are kept, 401 for what is not genuine (403 would stop Postmark's retries), 503 if they
    cannot be kept now, so that the provider tells them again."""
    hook = services().hook
    if hook is None or hook.name != provider:
        abort(404)
    request.max_content_length = MAX_BODY
    if request.content_encoding:
        abort(415)
    body, now = request.get_data(), services().machine()
    headers = {name.lower(): value for name, value in request.headers}
    if not hook.opens(secret) or not hook.genuine(headers, body, now):
        log.warning("a webhook of %s was not genuine", provider)
        abort(401)
    told = list(hook.events(headers, body, now))
    try:
        with services().database.write() as session:
            events.store(session, provider, services().account, told, now)
    except Exception:
        log.exception("events cannot be kept")
        abort(503)
    return make_response("", 204)
