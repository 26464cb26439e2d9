"""Fixtures for pages of reports in the system's Chromium."""

import pytest
from chromium import Watched
from folders import rows, write_folder

from provscan.report.document import write_report


@pytest.fixture(scope="session")
def report(tmp_path_factory):
    """Return the page of a run with 60 matches."""
    return write_report(
        write_folder(tmp_path_factory.mktemp("report") / "a.run", rows())
    )


@pytest.fixture(scope="session")
def left():
    """Return the pages of earlier tests, by their options. They are used again, since
    Chromium starts two processes for a new page.
    """
    return {}


@pytest.fixture
def opened(browser, left):
    """Return a function that opens a page. The test fails if there is an error in any
    page.
    """
    used = []

    def open_page(path, address="", *, ready=True, **options):
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
