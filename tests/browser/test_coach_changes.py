"""A coach changes a running course, told by a real browser: whom it touches is seen before anything happens."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.actions.steps import lessons_to, pass_days
from tests.browser.test_coach_glances import Desk, desk

__all__ = ["desk"]
pytestmark = pytest.mark.browser
LESSONS = "/admin/courses/running"


@pytest.fixture
def page(desk: Desk) -> Iterator[Page]:
    found = desk.watched.go(desk.watched.page(), LESSONS)
    found.set_viewport_size({"width": 1200, "height": 850})
    yield found
    found.close()


def order(page: Page) -> list[str]:
    return [re.sub(r"^\d+\. ", "", title) for title in page.locator(".lessons h2").all_inner_texts()]


def touched(page: Page) -> dict[str, int]:
    """How many readers stand where, as the page says it."""
    lines = (line.split("\n") for line in page.locator(".radius li").all_inner_texts())
    return {parts[1].removesuffix(" Names").strip(): int(parts[0].replace(",", "")) for parts in lines}


def test_a_coach_changes_a_lessons_text_sees_whom_it_affects_publishes_and_undoes(desk: Desk, page: Page) -> None:
    desk.look(page, "lessons")
    page.get_by_role("link", name="Fuel the work and tie it together").click()
    page.get_by_label("Subject").fill("Eat like the long run matters")
    page.get_by_role("button", name="Publish…").click()
    page.wait_for_url(re.compile("/publish$"))
    desk.look(page, "publish")
    page.get_by_role("button", name="See whom it touches").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("has a new text")
    desk.look(page, "change")
    counts = page.locator(".radius b").all_inner_texts()
    total = page.get_by_role("heading", name=re.compile("Your .* readers")).inner_text()
    assert sum(int(count.replace(",", "")) for count in counts) == int(re.sub(r"\D", "", total))
    page.get_by_role("link", name="Names").nth(1).click()
    expect(page.locator("tbody tr").first).to_contain_text("Fuel the work")
    desk.look(page, "names")
    page.go_back()
    page.get_by_role("button", name=re.compile("^Publish for")).click()
    expect(page.get_by_role("status")).to_contain_text("Published")
    desk.world.go(seconds=1)
    page.get_by_role("button", name="Undo it").click()
    expect(page.get_by_role("status")).to_contain_text("Undone")
    expect(page.get_by_role("link", name="Changed, not published yet")).to_be_visible()


def test_lessons_are_moved_by_drag_by_a_button_and_with_the_keyboard(desk: Desk, page: Page) -> None:
    before = order(page)
    grip, target = page.locator(".grip").nth(0).bounding_box(), page.locator(".lessons > li").nth(2).bounding_box()
    assert grip
    assert target
    page.mouse.move(grip["x"] + 8, grip["y"] + 8)
    page.mouse.down()
    page.mouse.move(grip["x"] + 8, target["y"] + target["height"] * 0.9, steps=8)
    page.mouse.up()
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"“{before[0]}” moves to place 3")
    page.get_by_role("link", name="Not now").click()
    page.get_by_role("button", name="Move lesson 2 down").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"“{before[1]}” moves to place 3")
    page.get_by_role("link", name="Not now").click()
    page.get_by_role("button", name="Move lesson 5 up").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"“{before[4]}” moves to place 4")
    desk.world.go(seconds=1)
    page.get_by_role("button", name=re.compile("^Publish")).click()
    page.goto(desk.watched.origin + LESSONS)
    assert order(page) == [before[0], before[1], before[2], before[4], before[3], *before[5:]]


def test_a_coach_pauses_the_course_and_closes_the_sign_up(desk: Desk, page: Page) -> None:
    page.goto(f"{desk.watched.origin}{LESSONS}/settings")
    desk.look(page, "settings")
    page.get_by_role("button", name="Pause all sending").click()
    page.get_by_role("button", name="Close it").click()
    page.get_by_role("link", name="Lessons", exact=True).click()
    expect(page.locator("main")).to_contain_text("The course is paused")
    page.get_by_role("link", name="Let it go on").click()
    page.get_by_role("button", name="Let it go on").click()
    page.get_by_role("button", name="Open it").click()
    expect(page.locator("main")).to_contain_text("Sign-up is open")


def test_a_coach_inserts_a_sixth_lesson(desk: Desk, page: Page) -> None:
    desk.world.go(seconds=1)
    page.get_by_label("What is it about?").fill("Sleep, the free training")
    page.get_by_role("button", name="Begin to write it").click()
    page.get_by_role("button", name="Publish…").click()
    page.get_by_label("Where does it come?").select_option("6")
    page.get_by_label("How many days after the mail before it?").fill("2")
    page.get_by_role("button", name="See whom it touches").click()
    page.get_by_role("button", name=re.compile("^Publish")).click()
    page.goto(desk.watched.origin + LESSONS)
    assert order(page)[-1] == "Sleep, the free training"
    assert page.locator(".lessons > li").count() == 6
    reader = desk.world.enroll("sixth@runner.test")
    pass_days(desk.world, 40)  # by then the coach was signed out
    assert len(lessons_to(desk.world, "sixth@runner.test")) == 6
    assert desk.world.enrollment(reader).status == "finished"
