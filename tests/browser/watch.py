"""A page that is watched: nothing leaves the origin, nothing is refused by a policy, nothing is complained about."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

# A violation is told to the page by an event and to the console by a message; listening to both misses neither.
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP: ${event.violatedDirective} refused ${event.blockedURI}`));
"""


@dataclass
class Watched:
    """A browser context of one person. `faults` is what went wrong on any of its pages, popups too."""

    context: BrowserContext
    origin: str
    faults: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)  # every address that was requested

    def page(self) -> Page:
        return self.context.new_page()

    def go(self, page: Page, path: str) -> Page:
        page.goto(path if path.startswith("http") else self.origin + path)
        return page

    def _watch(self, page: Page) -> None:
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))

    def _heard(self, said: ConsoleMessage) -> None:
        if said.type in {"error", "warning"}:
            self.faults.append(f"{said.text} at {said.location['url']}")

    def _note(self, request: Request) -> None:
        self.asked.append(request.url)
        if not request.url.startswith((self.origin + "/", "data:")):
            self.faults.append(f"left the origin: {request.url}")


@contextmanager
def watching(browser: Browser, origin: str, **options: Any) -> Iterator[Watched]:
    """`options` are Playwright's: viewport, color_scheme, timezone_id, java_script_enabled …"""
    context = browser.new_context(**options)
    context.set_default_timeout(10_000)
    expect.set_options(timeout=10_000)
    watched = Watched(context, origin)
    context.add_init_script(REPORT_VIOLATIONS)
    context.on("page", watched._watch)
    context.on("request", watched._note)
    try:
        yield watched
    finally:
        context.close()


def opened_by(page: Page, click: Any) -> Page:
    """The page that a click on a link of a mail opens beside this one."""
    with page.context.expect_page() as popup:
        click()
    popup.value.wait_for_load_state()
    return popup.value
