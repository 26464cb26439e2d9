"""Test what people do with the live page in a real browser."""

import re
from pathlib import Path

import pytest
from chromium import Watched, problems
from live_server import HERON, SAYING, SOURDOUGH, TWEETS, running

import provscan

CHANGED = SOURDOUGH.replace("name", "title")
TEXT = f"😀 She wrote: {HERON}\nAnd {CHANGED}\n{SAYING}"
TOKEN = "a-token-of-some-length"


@pytest.fixture
def opened(browser, client):
    """Return a function that opens a page. An error in a page fails the test."""
    used = []

    def open_page(path="/", server=client, **options):
        watched = Watched(browser, options)
        used.append(watched)
        watched.address = f"http://127.0.0.1:{server.port}/"
        watched.page.goto(watched.address.rstrip("/") + path)
        if path == "/" and options.get("java_script_enabled", True):
            watched.page.locator("html[data-ready]").wait_for(state="attached")
        return watched.page

    yield open_page
    wrong = [problem for watched in used for problem in watched.wrong]
    for watched in used:
        watched.page.context.close()
    assert not wrong


def type_in(page, text, matches):
    page.fill("#text", text)
    page.wait_for_selector("#status:not(:empty)")
    page.locator("article").nth(matches - 1).wait_for()
    assert page.locator("article").count() == matches


def test_matches_are_highlighted_in_the_text(opened):
    page = opened()
    type_in(page, TEXT, 3)
    lit = page.locator(".mirror .lit")
    assert lit.all_text_contents() == [HERON, CHANGED, SAYING]
    assert "ordinary" in lit.nth(2).get_attribute("class")
    assert page.locator("#mirror").text_content() == f"{TEXT}\u200b"
    status = page.locator("#status").text_content()
    assert status == "2 findings and 1 match of common or known wording."
    # The highlighted copy of the text lies exactly under the text.
    boxes = [page.locator(name).bounding_box() for name in ("#mirror", "#text")]
    assert boxes[0] == boxes[1]
    assert page.locator("#index").text_content().startswith("6 licensed tweets · index")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("ستة طيور فوق الجسر", ["ar", "rtl"]), ("橋の上に鳥がいる", ["ja", "ltr"])],
)
def test_language_and_direction_of_a_typed_text(opened, text, expected):
    page = opened()
    page.fill("#text", text)
    nodes = page.locator("#mirror, #text")
    found = nodes.evaluate_all("nodes => nodes.map(node => [node.lang, node.dir])")
    assert found == [expected, expected]


def test_a_text_is_looked_up_while_it_is_typed(opened):
    page = opened()
    page.focus("#text")
    page.keyboard.type(HERON, delay=2)
    page.locator(".mirror .lit", has_text=HERON).wait_for()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.locator("#matches").wait_for(state="hidden")
    assert page.locator(".mirror .lit").count() == 0
    page.keyboard.type("nothing of anybody")
    page.locator("#status", has_text="No licensed tweet shares enough").wait_for()


def test_a_card_shows_tweet_differences_and_source(opened):
    page = opened()
    type_in(page, TEXT, 3)
    card = page.locator("article", has_text="1002")
    assert card.locator("b.differs").all_text_contents() == ["title", "name"]
    said = card.locator(".said").text_content()
    assert said == "Only in your text: “title”. Only in the tweet: “name”."
    link = card.get_by_role("link", name="1002")
    assert link.get_attribute("href") == "https://x.com/i/status/1002"
    heading = card.locator("h4").nth(1).text_content()
    assert heading == (
        "Licensed tweet 1002 by bo, 2016-04-05 06:07 UTC; in 1 licensed tweet by 1 "
        "author"
    )
    last = page.locator("article").last
    assert "4 authors posted this text" in last.text_content()


def test_the_keyboard_moves_between_text_and_cards(opened):
    page = opened()
    type_in(page, TEXT, 3)
    page.focus("#text")
    page.keyboard.press("Control+End")
    page.keyboard.press("ArrowLeft")
    page.locator("article.current", has_text="common or known").wait_for()
    page.keyboard.press("Control+Home")
    page.locator("article.current").wait_for(state="detached")
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent"))
    assert reached[:3] == ["1001", "Show in the text", "Copy citation"]
    page.locator("article").nth(1).get_by_role("button", name="Show in").press("Enter")
    assert page.evaluate("document.activeElement.id") == "text"
    passage = page.locator(".mirror .current").text_content()
    assert page.evaluate("getSelection().toString()") == passage == CHANGED


def test_a_citation_is_copied(opened):
    page = opened(permissions=["clipboard-read", "clipboard-write"])
    type_in(page, TEXT, 3)
    card = page.locator("article", has_text="1001")
    card.get_by_role("button", name="Copy citation").click()
    card.get_by_role("button", name="Copied").wait_for()
    cited = page.evaluate("navigator.clipboard.readText()")
    assert cited.startswith(f"Characters 13 to 81: “{HERON}” – licensed tweet 1001")
    assert "by ada, 2015-03-02 10:20 UTC, https://x.com/i/status/1001" in cited
    assert re.search(r"provscan \S+, index [0-9a-f]{32}\.$", cited)


HOSTILE = "<img src=x onerror=alert(1)> \u202eevil\u202c </script><b>&amp;amp;\u0007"


def test_hostile_texts_are_shown_as_text(opened, tmp_path):
    tweet = {
        "id": "<i>7</i>",
        "text": f"{HOSTILE} and some more words that are not so dangerous at all",
        "author": "<script>alert(2)</script>\u202e",
    }
    provscan.build_index([tweet, *TWEETS], tmp_path / "a.index")
    with running(tmp_path / "a.index") as server:
        page = opened(server=server)
        type_in(page, f"{HOSTILE}{tweet['text']}{HOSTILE}", 1)
        card = page.locator("article")
        assert "<img src=x onerror=alert(1)>" in card.text_content()
        assert "<script>alert(2)</script>" in card.text_content()
        assert "U+202E" in card.text_content()
        assert page.locator("main img, main script, main b >> text=&").count() == 0
        # Long words in both directions and many matches do not widen the page.
        page.fill("#text", "a" * 20_000 + "\u0627" * 5_000)
        page.locator("#status", has_text="No licensed tweet").wait_for()
        type_in(page, f"{HERON} " * 300, 300)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 1280


def test_the_page_asks_for_the_token(opened, index):
    with running(Path(index.path), TOKEN) as server:
        page = opened(server=server)
        page.locator("#token-form").wait_for()
        page.get_by_label("Token of this server").fill(TOKEN)
        page.get_by_role("button", name="Use this token").press("Enter")
        page.locator("#index", has_text="6 licensed tweets").wait_for()
        type_in(page, HERON, 1)
        assert not page.locator("#token-form").is_visible()


def test_the_page_does_not_scroll_sideways(opened):
    for width in (390, 640, 1280):
        page = opened(viewport={"width": width, "height": 700})
        type_in(page, TEXT, 3)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_are_sound(opened, path, width, scheme):
    page = opened(path, viewport={"width": width, "height": 900}, color_scheme=scheme)
    if path == "/":
        type_in(page, TEXT, 3)
    assert problems(page) == []
