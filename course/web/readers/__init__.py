"""What runners see: sign-up, confirmation, lessons in the browser, their own page, the way out."""

from flask import Blueprint

from course.web.readers import confirmations, landing, pages, signups, unsubscriptions

bp = Blueprint("readers", __name__)
for part in (landing, signups, confirmations, pages, unsubscriptions):
    part.add_to(bp)
