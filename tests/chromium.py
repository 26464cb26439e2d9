"""Run the system's Chromium, and record what a page must not do."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
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
