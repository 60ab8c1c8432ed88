"""The lessons' pictures, for mail programs and browsers. A name never means another picture, so it is kept for ever."""

from flask import Blueprint, Response, abort, make_response, request

from course.core import pictures as names
from course.store import pictures as store
from course.web.doors import open_door
from course.web.services import services

bp = Blueprint("pictures", __name__)


@bp.get("/pictures/<digest>.<ext>")
@open_door
def picture(digest: str, ext: str) -> Response:
    if not names.NAME.fullmatch(f"{digest}.{ext}"):
        abort(404)
    with services().database.read() as session:
        row = store.by_digest(session, digest)
        if row is None or row.media_type != names.KINDS[ext]:
            abort(404)
        response = make_response(row.data)
    response.headers["Content-Type"] = row.media_type
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox; frame-ancestors 'none'"
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # mail programs in a browser show it too
    response.set_etag(digest)
    return response.make_conditional(request)  # type: ignore[return-value]
