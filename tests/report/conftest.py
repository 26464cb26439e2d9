"""A browser for the tests of the page: the system's Chromium, watched for everything
that a report must not do.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from folders import rows, write_folder

from provscan.report.document import write_report

CHROMIUM = (
    shutil.which("chromium")
    or shutil.which("chromium-browser")
    or shutil.which("google-chrome")
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One Chromium for all tests. CI must have it; elsewhere the tests are skipped
    without it.
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


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run with 60 matches."""
    return write_report(
        write_folder(tmp_path_factory.mktemp("report") / "a.run", rows())
    )


class Watched:
    """A page in a context of its own, and what went wrong in it."""

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
        """Nothing stays for the next test."""
        self.page.evaluate("localStorage.clear()")
        self.page.emulate_media(media="null")
        self.page.goto("about:blank")


@pytest.fixture(scope="session")
def left() -> dict[str, list[Watched]]:
    """The pages of earlier tests, by their options: each new one takes Chromium two
    processes.
    """
    return {}


@pytest.fixture
def opened(
    browser: Any, left: dict[str, list[Watched]]
) -> Iterator[Callable[..., Any]]:
    """Opens a page; at the end of the test nothing may have gone wrong in any of
    them.
    """
    used: list[tuple[str, Watched]] = []

    def open_page(
        path: Path, address: str = "", *, ready: bool = True, **options: Any
    ) -> Any:
        kind = repr(sorted(options.items()))
        watched = left[kind].pop() if left.get(kind) else Watched(browser, options)
        used.append((kind, watched))
        watched.address = path.as_uri()
        watched.page.goto(path.as_uri() + address)
        if ready:
            watched.page.locator("html[data-ready]").wait_for(state="attached")
        return watched.page

    yield open_page
    wrong = [problem for _, watched in used for problem in watched.wrong]
    for kind, watched in used:
        if watched.wrong:
            watched.page.context.close()
        else:
            watched.leave()
            left.setdefault(kind, []).append(watched)
    assert not wrong
