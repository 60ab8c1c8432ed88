"""What coaches see. Every view needs a coach who is signed in, unless it is named open; every change a CSRF token."""

from flask import Blueprint

from course.web.admin import (
    access,
    account,
    changes,
    course_page,
    course_settings,
    embed,
    frame,
    insight,
    lessons,
    links,
    people,
    pictures,
    play,
    preview,
    proposing,
    reader_import,
    readers,
    readers_acts,
    readers_mail,
    readers_page,
    signing_in,
    today,
    versions,
)

bp = Blueprint("admin", __name__, url_prefix="/admin")
access.guard(bp)
frame.add_to(bp)
for part in (
    today, insight, signing_in, links, account, people, course_page, course_settings, embed, proposing, changes,
    lessons, pictures, preview, versions, readers, reader_import, readers_page, readers_mail, readers_acts, play,
):  # fmt: skip
    part.add_to(bp)
