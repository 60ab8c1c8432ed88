"""Today: whether all is well, what needs somebody, what goes out next, what happened lately."""

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for

from course.actions import today, today_acts, today_needs
from course.actions.today_needs import SHOWN
from course.store import courses
from course.web import bodies, words
from course.web.admin.access import coach
from course.web.admin.people import zone_of
from course.web.doors import coaches_only
from course.web.services import services

EVERY = "every"  # instead of a mail's number: all of them, shown or not


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("", endpoint="today", view_func=today_page)
    bp.add_url_rule("/unknown", view_func=settle_unknown, methods=["POST"])
    bp.add_url_rule("/refused", view_func=send_refused, methods=["POST"])
    bp.add_url_rule("/vouch", view_func=vouch, methods=["POST"])
    bp.add_url_rule("/try-now", view_func=try_now, methods=["POST"])


@coaches_only
def today_page() -> str:
    now = services().now()
    with services().database.read() as session:
        zone, found = zone_of(session), today_needs.needs(session, now)
        everything = courses.all_courses(session)
        week, status = today.coming(session, now.course, zone), today_needs.status(session, found, now)
        this, last = today.lately(session, now)
    return render_template(
        "admin/today.html",
        status=status,
        needs=found,
        week=week,
        this=this,
        last=last,
        zone=zone,
        several=len(everything) > 1,
        most=max(day.count for day in week.days),
        today=words.day_of(now.course, zone),
        last_mail=words.lately(status.last, now.machine, zone) if status.last else "",
        when=lambda at: words.lately(at, now.machine, zone),
        second_step=bool(coach().totp_secret),
        shown=SHOWN,
    )


@coaches_only
def settle_unknown() -> Response:
    """The button's name says what is known of the mail whose number is its value; `ticked`: of those that are."""
    form = bodies.fields()
    arrived = "arrived" in form
    which, machine = str(form.get("arrived" if arrived else "again", "")), services().machine()
    with services().database.write() as session:
        if which == EVERY:
            count = today_acts.settle_all(session, arrived=arrived, coach=coach(), now=machine)
        else:
            chosen = request.form.getlist("mail") if which == "ticked" else [which]
            numbers = [int(one) for one in chosen if one.isdecimal() and len(one) < 19]
            count = today_acts.settle(session, numbers, arrived=arrived, coach=coach(), now=machine)
    if count:
        flash(f"{mails(count)} {'arrived. Thank you.' if arrived else 'will go once more.'}")
    else:
        flash("Nothing to do: no mail was ticked, or it was settled meanwhile.")
    return _back()


@coaches_only
def send_refused() -> Response:
    form, now = bodies.fields(), services().now()
    course, lesson = _number(form.get("course")), _number(form.get("lesson"))
    with services().database.write() as session:
        count = today_acts.retry(session, course, lesson, coach=coach(), now=now)
    flash(f"{mails(count)} will go once more, as the lesson reads now." if count else "They were sent meanwhile.")
    return _back()


@coaches_only
def vouch() -> Response:
    with services().database.write() as session:
        count = today_acts.vouch(session, coach(), services().machine())
    flash(f"Thank you. {mails(count)} of those held back will go now." if count else "Thank you. Nothing was held.")
    return _back()


@coaches_only
def try_now() -> Response:
    form = bodies.fields()
    provider, account = (str(form.get(name, ""))[:40] for name in ("provider", "account"))
    with services().database.write() as session:
        today_acts.try_now(session, provider, account, coach(), services().machine())
    flash("The next mail tries whether it works again. Reload this page in a minute.")
    return _back()


def mails(count: int) -> str:
    return "One mail" if count == 1 else f"{count:,} mails"


def _number(typed: Any) -> int:
    text = str(typed or "")
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _back() -> Response:
    return redirect(url_for("admin.today"), 303)  # type: ignore[return-value]
