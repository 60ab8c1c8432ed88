"""What runners see: sign-up, confirmation, lessons in the browser, their own page, the way out."""

from flask import Blueprint

from course.web.readers import (
    certificates,
    confirmations,
    controls,
    landing,
    landing_sample,
    pages,
    private,
    profile,
    signups,
    unsubscriptions,
)

PARTS = (
    landing, landing_sample, signups, confirmations, pages, controls, certificates, private, profile, unsubscriptions
)  # fmt: skip

bp = Blueprint("readers", __name__)
for part in PARTS:
    part.add_to(bp)
