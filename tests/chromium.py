"""Run the system's Chromium, and record what a page must not do."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = (
    shutil.which("chromium")
    or shutil.which("chromium-browser")
    or shutil.which("google-chrome")
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Start one Chromium for all tests. If none is installed, skip the tests, or fail
    in CI.
    """
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("CI has no Chromium: .ci/run installs it")
        pytest.skip("no Chromium is installed: apt-get install chromium fonts-noto-cjk")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--renderer-process-limit=1"],
        )
        yield chromium
        chromium.close()


def options_in(html: str) -> list[str]:
    """Return the options of commands that the readers of a page see. A command that
    repeats a run, which is in ``pre``, may have options.
    """
    text = re.sub(r"(?s)<(style|script|pre)\b.*?</\1>|<[^>]*>", " ", html)
    return re.findall(r"--[a-z][a-z-]*", text)


# What is wider than its place, unless it can be scrolled or is only for screen readers.
TOO_WIDE = """() => [...document.querySelectorAll("body, body *:not(svg *)")]
  .filter((node) => {
    const style = getComputedStyle(node);
    return node.clientWidth > 1 && node.scrollWidth > node.clientWidth + 1
      && style.overflowX === "visible" && style.display !== "inline";
  }).map((node) => node.outerHTML.slice(0, 200))"""


def problems(page: Any) -> list[tuple[str, str]]:
    """Return what axe finds in a page with all of its details open, and what is wider
    than its place.
    """
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for details in page.locator("details").all():
        details.evaluate("node => { node.open = true; }")
    options = {"resultTypes": ["violations"]}
    found = axe.run(page, options=options).response["violations"]
    return [
        *((item["id"], item["nodes"][0]["html"][:200]) for item in found),
        *(("too wide", html) for html in page.evaluate(TOO_WIDE)),
    ]


def require_sound(browser: Any, *paths: Path) -> None:
    """Open pages on a bright laptop and on a dark phone, and fail if they have
    :func:`problems`, show options of commands, or do what a page must not do.
    """
    for width, scheme in ((1280, "light"), (390, "dark")):
        size = {"width": width, "height": 900}
        watched = Watched(browser, {"viewport": size, "color_scheme": scheme})
        for path in paths:
            watched.address = path.as_uri()
            watched.page.goto(watched.address)
            assert problems(watched.page) == [], (path.name, width)
            assert options_in(watched.page.content()) == [], path.name
            assert watched.wrong == [], path.name
        watched.page.context.close()


class Watched:
    """A page in a separate browser context. ``wrong`` lists its messages, errors and
    dialogs, and its requests to other addresses.
    """

    def __init__(self, browser: Any, options: dict[str, Any]) -> None:
        self.wrong: list[str] = []
        self.address = "about:blank"
        self.page = page = browser.new_context(
            **{"viewport": {"width": 1280, "height": 900}, **options}
        ).new_page()
        page.set_default_timeout(10_000)
        page.on(
            "console",
            lambda message: self.wrong.append(f"{message.type}: {message.text}"),
        )
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on(
            "dialog",
            lambda dialog: (self.wrong.append(dialog.message), dialog.dismiss()),
        )
        page.on(
            "request",
            lambda asked: (
                asked.url.startswith(self.address) or self.wrong.append(asked.url[:200])
            ),
        )

    def leave(self) -> None:
        """Reset the page for the next test."""
        self.page.evaluate("localStorage.clear()")
        self.page.emulate_media(media="null")
        self.page.goto("about:blank")
