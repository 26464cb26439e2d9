"""What a test reads on the page of a report."""

import json
import re
from pathlib import Path

SUMMARY = json.loads(Path(__file__).with_name("summary.json").read_text("utf-8"))


def status(page):
    return str(page.locator("#status").text_content())


def number(page):
    return int(re.match(r"[\d,]+", status(page))[0].replace(",", ""))


def wait_for(page, text):
    page.locator("#status", has_text=text).wait_for()
