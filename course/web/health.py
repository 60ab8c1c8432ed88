"""Is all well? For monitors: 200 or 503, with the reasons as JSON."""

import logging

from flask import Blueprint, Response, jsonify, make_response

from course.store import alarms, installation
from course.web.doors import open_door
from course.web.services import services

bp = Blueprint("health", __name__)
log = logging.getLogger(__name__)
LATE = 60  # seconds without a sign of life from any worker


@bp.get("/healthz")
@open_door
def healthz() -> Response:
    """The process is up (it answers); the database can be read; a worker ticked in the last minute."""
    now = services().now
    try:
        machine = now().machine
        with services().database.read() as session:
            ticked_at = installation.the(session).ticked_at
            # Anybody may look, and what a provider said may name a reader: the first sentence is ours.
            trouble = [alarm.text.split(". ")[0].removesuffix(".") for alarm in alarms.ringing(session)]
    except Exception:
        log.exception("the database cannot be read")
        return make_response(jsonify(ok=False, database=False, version=services().version), 503)
    age = (machine - ticked_at).total_seconds() if ticked_at else None
    ok = age is not None and age < LATE
    body = {"ok": ok, "database": True, "tick_age_seconds": age, "alarms": trouble, "version": services().version}
    return make_response(jsonify(body), 200 if ok else 503)
