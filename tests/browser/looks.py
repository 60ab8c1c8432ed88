"""What can be measured about how a page looks: its width, its names, its contrast; and pictures for people."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Page

from tests.browser.axe import violations

Way = tuple[int, int, Literal["light", "dark"]]  # width, height, scheme
PHONE, PHONE_DARK, DESK, DESK_DARK = (360, 760, "light"), (360, 760, "dark"), (1200, 850, "light"), (1200, 850, "dark")
WAYS: Sequence[Way] = (PHONE, PHONE_DARK, DESK_DARK, DESK)
PICTURES = "COURSE_SCREENSHOTS" in os.environ  # they cost more than all the looking

TOO_WIDE = """() => {
  const limit = document.documentElement.clientWidth;
  const clips = (e) => ["auto", "scroll", "hidden"].includes(getComputedStyle(e).overflowX);
  const inside = (e) => { for (; e && e !== document.documentElement; e = e.parentElement) if (clips(e)) return true;
    return false; };
  const wide = [...document.body.querySelectorAll("*")].filter((e) => e.getBoundingClientRect().right > limit + 1
    && !inside(e.parentElement));
  return document.documentElement.scrollWidth > limit ? wide.map((e) => e.outerHTML.slice(0, 80)) : [];
}"""

NAMELESS = """() => {
  const faults = [];
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  if (!document.documentElement.lang) faults.push("no language");
  if (!document.title.trim()) faults.push("no title");
  if (document.querySelectorAll("h1").length !== 1) faults.push("not one h1");
  if (new Set(ids).size !== ids.length) faults.push("an id twice");
  for (const e of document.querySelectorAll("img:not([alt])")) faults.push("no alt: " + e.src);
  for (const e of document.querySelectorAll("input:not([type=hidden]), select, textarea"))
    if (!e.labels.length && !e.getAttribute("aria-label")) faults.push("no label: " + e.outerHTML.slice(0, 80));
  for (const e of document.querySelectorAll("a, button"))
    if (!(e.textContent.trim() || e.getAttribute("aria-label") || e.querySelector("img[alt]:not([alt=''])")))
      faults.push("no name: " + e.outerHTML.slice(0, 80));
  let level = 0;
  for (const e of document.querySelectorAll("h1, h2, h3, h4")) {
    const next = Number(e.tagName[1]);
    if (next > level + 1) faults.push(`h${level} is followed by h${next}`);
    level = next;
  }
  return faults;
}"""

# WCAG 2.2 AA: 4.5 to 1, or 3 to 1 where the text is large.
TOO_PALE = """() => {
  const rgb = (c) => { const n = c.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3]));
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const canvas = dark && getComputedStyle(document.documentElement).colorScheme.includes("dark")
    ? [18, 18, 18] : [255, 255, 255];
  const behind = (e) => { const found = [];
    for (; e; e = e.parentElement) found.push(rgb(getComputedStyle(e).backgroundColor));
    return found.reverse().reduce((under, top) => over(top, under), canvas); };
  const faults = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
    if (!walker.currentNode.textContent.trim() || !box.width || box.right < 0 || box.bottom < 0) continue;
    if (["SCRIPT", "STYLE", "OPTION"].includes(e.tagName) || style.visibility === "hidden") continue;
    const back = behind(e), front = over(rgb(style.color), back);
    const [a, b] = [light(front), light(back)].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < (large ? 3 : 4.5))
      faults.add(`${ratio.toFixed(2)}: ${e.tagName} ${walker.currentNode.textContent.trim().slice(0, 40)}`);
  }
  return [...faults];
}"""

# Under a finger: WCAG 2.2 asks for 24 px unless the target stands in a line of text.
TOO_SMALL = """() => [...document.querySelectorAll("button, input:not([type=hidden]), select, a.button")]
  .map((e) => [e, e.getBoundingClientRect()])
  .filter(([e, box]) => box.width && box.right > 0 && box.height < 24 && e.type !== "radio")
  .map(([e, box]) => `${box.height}: ${e.outerHTML.slice(0, 60)}`)"""


def faults(page: Page, *, mail: bool = False) -> list[str]:
    """Everything that is measurably wrong with how the page stands there now. A mail has no title of ours to check."""
    checks = [TOO_WIDE, TOO_PALE] if mail else [TOO_WIDE, NAMELESS, TOO_PALE, TOO_SMALL]
    found: list[Any] = page.evaluate(f"() => [{', '.join(f'...({check})()' for check in checks)}]")
    return [str(fault) for fault in found]


def look(page: Page, folder: Path, name: str, ways: Sequence[Way] = WAYS) -> list[str]:
    """What is wrong with the page on a phone and on a desk, by day and at night. Axe looks once at each width, at the
    first of its ways: a phone by day, a desk at night. The page is left at a desk, by day."""
    page.wait_for_load_state()
    found, widths = [], set[int]()
    for width, height, scheme in ways:
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        picture(page, folder / f"{name}-{width}-{scheme}.png")
        wrong = faults(page) + ([] if width in widths else violations(page))
        found += [f"{name} {width} {scheme}: {fault}" for fault in wrong]
        widths.add(width)
    page.set_viewport_size({"width": 1200, "height": 850})
    page.emulate_media(color_scheme="light")
    return found


def picture(page: Page, path: Path) -> None:
    """Of the whole page, if COURSE_SCREENSHOTS asks for pictures."""
    if PICTURES:
        page.screenshot(path=path, full_page=True)
