"""The outbox's viewer: the newcomer's inbox, where no mail leaves the machine.

It shows every mail with its links, so it answers only to a browser on this machine, and not through a proxy.
"""

import re
from ipaddress import ip_address
from pathlib import Path
from typing import cast

from flask import Blueprint, Response, abort, make_response, render_template, request, url_for

from course.mail import outbox_view
from course.web import doors, words
from course.web.doors import open_door
from course.web.services import services

bp = Blueprint("outbox", __name__, url_prefix="/outbox")
PAGE = 50
SHOWS = ("html", "text", "headers", "source")
_PORT = re.compile(r":\d+$")


@bp.before_request
def _only_from_here() -> None:
    forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    # The name too: a page elsewhere whose name was made to lead to this machine (DNS rebinding) is not from here.
    named = _PORT.sub("", request.host).strip("[]")
    if forwarded or not _is_here(request.remote_addr or "") or not _is_here(named):
        abort(403)


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@bp.get("")
@open_door
def mails() -> str:
    """Newest first."""
    offset = max(0, request.args.get("offset", 0, type=int))
    found = outbox_view.newest(_folder(), PAGE + 1, offset)
    lines = [{"id": m.send_id, "date": words.stamp(m.date), "to": m.to, "subject": m.subject} for m in found[:PAGE]]
    return render_template(
        "outbox/list.html",
        mails=lines,
        older=url_for("outbox.mails", offset=offset + PAGE) if len(found) > PAGE else "",
        newer=url_for("outbox.mails", offset=max(0, offset - PAGE)) if offset else "",
    )


@bp.get("/<mail_id>")
@open_door
def mail(mail_id: str) -> str:
    found = outbox_view.opened(_folder(), mail_id) or abort(404)
    show = request.args.get("show", "html")
    entry = found.entry
    return render_template(
        "outbox/mail.html",
        mail={"id": entry.send_id, "date": words.stamp(entry.date), "to": entry.to, "subject": entry.subject},
        headers=found.headers,
        text=found.text,
        source=found.source,
        show=show if show in SHOWS else "html",
        frame_url=url_for("outbox.frame", mail_id=mail_id),
    )


@bp.get("/<mail_id>/html")
@open_door
def frame(mail_id: str) -> Response:
    """The HTML part for the viewer's sandboxed frame; its links open beside it."""
    found = outbox_view.opened(_folder(), mail_id) or abort(404)
    response = make_response(found.html.replace("<head>", '<head><base target="_blank">', 1))
    response.headers["Content-Security-Policy"] = (
        doors.MAIL_CSP + "'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
    )
    return response


def _folder() -> Path:
    return cast(Path, services().outbox)
