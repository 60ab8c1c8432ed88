"""The page that gives coaches the sign-up form for their blog, with a look at it."""

from flask import Blueprint, Response, make_response, render_template, request

from course.actions.signup import MAX_SOURCE
from course.web import doors, embed
from course.web.doors import coaches_only
from course.web.embed import Form
from course.web.readers.landing import course_named
from course.web.services import services


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/courses/<slug>/embed", endpoint="embed", view_func=show)
    bp.add_url_rule("/courses/<slug>/embed/preview", endpoint="embed_preview", view_func=preview)


@coaches_only
def show(slug: str) -> str:
    with services().database.read() as session:
        course = course_named(session, slug)
        return render_template(
            "admin/embed.html",
            course=course,
            source=_source(),
            max_source=MAX_SOURCE,
            look=_look(),
            public_url=services().public_url,
            plain=embed.snippet(session, course, Form(script=False, look=False, source=_source())),
            scripted=embed.snippet(session, course, Form(script=True, look=_look(), source=_source())),
        )


@coaches_only
def preview(slug: str) -> Response:
    """The form as it stands in a page, for the frames of `show`."""
    with services().database.read() as session:
        form = Form(script=request.args.get("kind") == "script", look=_look(), source=_source())
        values = embed.values(session, course_named(session, slug), form)
        response = make_response(render_template("admin/embed_preview.html", **values))
    response.headers["Content-Security-Policy"] = doors.CSP + "'self'"
    return response


def _source() -> str:
    found = "".join(c for c in request.args.get("source", "") if c.isprintable())
    return found.strip()[:MAX_SOURCE] or "blog"


def _look() -> bool:
    return request.args.get("look", "ours") == "ours"
