"""Insight: where readers stay and where they stop, what they answer; each table as a file too."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, abort, render_template, request, url_for
from sqlalchemy.orm import Session

from course.actions import insight
from course.core import lesson_file, readers_csv
from course.store import courses
from course.store import insight as store
from course.store.models import Course
from course.web import words
from course.web.admin.people import zone_of
from course.web.doors import coaches_only
from course.web.readers.landing import course_named
from course.web.services import services

PAGE = 25  # answers
ALL_SOURCES = 10_000  # lines of the file


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/courses/<slug>/insight", endpoint="insight", view_func=insight_page)
    bp.add_url_rule("/courses/<slug>/insight/answers", view_func=answers)
    bp.add_url_rule("/courses/<slug>/insight/<table>.csv", view_func=insight_table)


@coaches_only
def insight_page(slug: str) -> str:
    now = services().now().course
    with services().database.read() as session:
        course = course_named(session, slug)
        found = insight.funnel(session, course, now)
        listed, others = insight.sources(session, course)
        return render_template(
            "admin/insight.html",
            course=course,
            found=found,
            says=insight.in_words(found),
            most=max((row.sent for row in found.lessons), default=0),
            told=any(row.arrived is not None for row in found.lessons),
            weeks=insight.weeks(session, course, now),
            sources=listed,
            others=others,
            percent=insight.percent,
        )


@coaches_only
def answers(slug: str) -> str:
    """What readers wrote, newest first: to one lesson's question, or to all."""
    wanted, offset = request.args.get("lesson", 0, type=int), max(0, request.args.get("offset", 0, type=int))
    with services().database.read() as session:
        course, zone = course_named(session, slug), zone_of(session)
        lessons = insight.lessons_of(session, course, services().now().course)
        if wanted and wanted not in lessons:
            abort(404)
        chosen = [wanted] if wanted else list(lessons)
        found = store.answers(session, chosen, PAGE + 1, offset)
        counts = store.count_answers(session, list(lessons))
        question = _question(session, course, wanted)
    here: dict[str, Any] = {"slug": course.slug, **({"lesson": wanted} if wanted else {})}
    now, titles = services().machine(), {lesson: title for lesson, (_, title) in lessons.items()}
    return render_template(
        "admin/insight_answers.html",
        course=course,
        lessons=[(lesson, *names, counts.get(lesson, 0)) for lesson, names in lessons.items()],
        total=sum(counts.values()),
        wanted=wanted,
        question=question,
        found=[(one, titles[one.lesson], words.lately(one.at, now, zone)) for one in found[:PAGE]],
        zone=zone,
        older=url_for("admin.answers", offset=offset + PAGE, **here) if len(found) > PAGE else "",
        newer=url_for("admin.answers", offset=max(0, offset - PAGE), **here) if offset else "",
    )


def _question(session: Session, course: Course, lesson: int) -> str:
    """What the lesson asks, as it reads now."""
    steps = courses.terms_of(session, course.id).at(services().now().course).steps
    revision = next((step.revision for step in steps if step.lesson == lesson), None)
    return lesson_file.parse(courses.revision(session, revision).source).question if revision else ""


@coaches_only
def insight_table(slug: str, table: str) -> Response:
    if table not in TABLES:
        abort(404)
    database, now = services().database, services().now().course
    with database.read() as session:
        course_named(session, slug)

    def lines() -> Iterator[str]:
        with database.read() as session:
            yield from readers_csv.write(TABLES[table](session, course_named(session, slug), now))

    response = Response(lines(), mimetype="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{table}-{slug}.csv"'
    return response


def _funnel(session: Session, course: Course, now: datetime) -> Iterator[list[str]]:
    return insight.funnel_table(insight.funnel(session, course, now))


def _weeks(session: Session, course: Course, now: datetime) -> Iterator[list[str]]:
    return insight.table(insight.weeks(session, course, now), None)


def _sources(session: Session, course: Course, now: datetime) -> Iterator[list[str]]:
    return insight.table(*insight.sources(session, course, ALL_SOURCES))


def _answers(session: Session, course: Course, now: datetime) -> Iterator[list[str]]:
    return insight.answers_table(session, insight.lessons_of(session, course, now))


TABLES = {"lessons": _funnel, "weeks": _weeks, "sources": _sources, "answers": _answers}
