"""What axe-core finds wrong with a page as it stands there now, by the rules of WCAG 2.2 A and AA."""

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

# Without the frames: axe would wait half a second for each to answer, and is in none of them.
RUN = """() => axe.run(document, { resultTypes: ["violations"], iframes: false, runOnly: ["wcag2a", "wcag2aa",
  "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })"""


def violations(page: Page) -> list[str]:
    """A line for each: rule, what it says, and where. The page's own policy would refuse a script tag, so axe is
    evaluated."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found: dict[str, Any] = page.evaluate(RUN)
    places = [(one, node) for one in found["violations"] for node in one["nodes"]]
    return [f"{page.url} {one['id']}: {one['help']}: {node['target']}" for one, node in places]
