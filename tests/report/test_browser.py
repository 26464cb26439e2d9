"""Test what people do with the report in a real browser."""

import copy
import math
import re

import pytest
from chromium import options_in, problems
from folders import rows, write_folder
from nightly import NIGHTLY
from pages import SUMMARY, number, status, wait_for

from provscan.report import answers
from provscan.report.document import write_report


def test_the_page_shows_the_headline_and_the_strongest_exhibits(opened, report):
    page = opened(report)
    assert (
        page.title()
        == page.locator("h1").text_content()
        == SUMMARY["answer"]["headline"]
    )
    assert page.locator("h1 .status").text_content() == "COPIES FOUND"
    assert options_in(page.content()) == []
    (estimate,) = page.locator("h1 .estimate").all_text_contents()
    assert "51" in estimate
    assert status(page) == "52 of 52 exhibits; 1 to 25 shown"
    assert page.locator("#cards article").count() == 25
    beside = page.locator(".strongest article")
    assert beside.count() == 3
    assert beside.first.bounding_box()["y"] < 300
    first = page.locator("#exhibit-1")
    assert first.locator(".badge").all_text_contents() == [
        "word for word",
        "extremely rare wording",
    ]
    assert first.locator("[title]").get_attribute("title") == "400 bits"
    assert "record 0 (id d0) of part-0.jsonl, characters 5 to" in first.text_content()
    assert (
        first.locator("a[href^='https://x.com/i/status/']").text_content()
        == "153264168760246272"
    )


def test_differences_are_marked_word_by_word(opened, report):
    page = opened(report)
    first, second = page.locator("#exhibit-1"), page.locator("#exhibit-2")
    assert first.locator("b.differs").all_text_contents() == ["sans nombre", "number 0"]
    assert "dataset: “sans nombre”. Only in the tweet: “number" in first.text_content()
    assert set(second.locator(".left-out").all_text_contents()) == {"Ferry", "ferry"}
    assert second.locator("b.differs").count() == 0
    assert "Word for word the same" in second.text_content()


def test_searches_and_filters_are_in_the_address(opened, report):
    page = opened(report)
    page.fill("#query", '"NUMBER 17"')
    wait_for(page, "1 of 52")
    assert "number 17" in page.locator("#cards article").text_content()
    page.fill("#query", "")
    wait_for(page, "52 of 52")
    page.get_by_role("checkbox", name=re.compile("^nearly word for word")).check()
    kept = [row for row in rows() if row["counted"] and row["level"] == "strong"]
    wait_for(page, f"{len(kept)} of 52")
    page.get_by_role("checkbox", name=re.compile("^author_1")).check()
    both = [row for row in kept if row["author"] == "author_1"]
    wait_for(page, f"{len(both)} of 52")
    page.get_by_role("button", name="Remove filter Author: author_1").click()
    wait_for(page, f"{len(kept)} of 52")
    assert page.url.endswith("#exhibits?match=nearly+word+for+word")
    page.reload()
    wait_for(page, f"{len(kept)} of 52")
    assert page.get_by_role(
        "checkbox", name=re.compile("^nearly word for word")
    ).is_checked()
    page.go_back()
    wait_for(page, f"{len(both)} of 52")


def test_the_lower_bound_is_the_findings_less_those_that_may_be_chance():
    records = SUMMARY["answer"]["records"]
    said = answers.numbers_mean(SUMMARY["answer"])
    findings, chance = map(int, re.findall(r"\b[0-9]+\b(?![.%])", said)[:2])
    assert findings == records["findings"]
    assert findings - chance == math.floor(records["at_least"])


def test_a_claim_says_why_it_has_no_estimate():
    answer = copy.deepcopy(SUMMARY["answer"])
    answer["records"]["estimate"] = None
    answer["withheld"]["records.estimate"] = "it is too wide."
    assert answers.numbers_mean(answer).endswith(" it is too wide.")


def test_the_drawing_of_the_numbers_says_their_values(opened, report):
    page = opened(report)
    records = SUMMARY["answer"]["records"]
    said = page.locator(".interval > p").last.text_content()
    shown = [math.floor(records["at_least"]), records["findings"]]
    shown += [round(records["estimate"][name]) for name in ("value", "low", "high")]
    assert [int(number) for number in re.findall("[0-9]+(?!%)\\b", said)] == shown


def test_the_licensed_texts_are_divided_by_what_became_of_them(opened, report):
    page = opened(report)
    table = page.locator(".exclusions")
    numbers = [
        int(number.replace(",", ""))
        for number in table.locator("td.number").all_text_contents()
    ]
    assert sum(numbers) == SUMMARY["index"]["texts"]
    assert min(numbers) > 0


def test_the_glossary_names_kinds_as_exhibits_do(opened, report):
    page = opened(report)
    named = page.locator("dt", has_text="Kind of match").locator("+ dd b")
    names = {name.lower() for name in named.all_text_contents()}
    for kind in page.locator("#cards article header > :nth-child(2)").all():
        assert kind.text_content() in names


def test_a_key_explains_the_keys(opened, report):
    page = opened(report)
    keys = page.locator("#keys p")
    page.focus("#query")
    page.keyboard.press("?")
    assert not keys.is_visible()
    page.focus("#exhibit-2")
    page.keyboard.press("?")
    assert keys.is_visible()
    page.keyboard.press("?")
    assert not keys.is_visible()


def test_facets_count_the_exhibits_that_pass_other_filters(opened, report):
    page = opened(report, "#exhibits?source=part-1.jsonl")
    left = (
        page.get_by_role("group", name="The match is")
        .locator("label")
        .all_text_contents()
    )
    kept = [row for row in rows() if row["counted"] and row["source"] == "part-1.jsonl"]
    assert number(page) == len(kept)
    counts = {
        level: sum(row["level"] == level for row in kept)
        for level in ("near_exact", "weak")
    }
    assert left == [f"word for word{counts['near_exact']}", f"edited{counts['weak']}"]


def test_exhibits_are_ordered_and_divided_into_pages(opened, report):
    page = opened(report)
    page.select_option("#order", "oldest")
    wait_for(page, "1 to 25 shown")
    days = [
        text.split(", ")[-1][:10]
        for text in page.locator(
            "#cards .sides > div:last-child .place"
        ).all_text_contents()
    ]
    dated = [day for day in days if re.fullmatch(r"\d{4}-\d\d-\d\d", day)]
    assert dated == sorted(dated)
    page.click("#next")
    wait_for(page, "26 to 50 shown")
    assert "order=oldest&page=2" in page.url
    page.go_back()
    wait_for(page, "1 to 25 shown")


def test_the_order_of_the_dataset_is_that_of_its_sources(opened, tmp_path):
    summary = {**SUMMARY, "sources": SUMMARY["sources"][::-1]}
    path = write_report(write_folder(tmp_path / "a.run", rows(4), summary))
    page = opened(path, "#exhibits?order=record")
    assert page.eval_on_selector_all(
        "#cards article", "all => all.map(card => Number(card.dataset.row))"
    ) == [1, 3, 0, 2]
    page = opened(path, "#exhibits?order=toString")
    assert page.locator("#order").input_value() == "strength"


def test_an_exhibit_has_an_address(opened, report):
    page = opened(report, "#exhibit-47")
    assert page.evaluate("document.activeElement.id") == "exhibit-47"
    assert "26 to 50 shown" in status(page)
    # The address also works in a filtered list without the exhibit.
    page.goto(report.as_uri() + "#exhibits?match=edited")
    wait_for(
        page,
        f"{sum(row['counted'] and row['level'] == 'weak' for row in rows())} of 52",
    )
    page.goto(report.as_uri() + "#exhibit-2")
    wait_for(page, "52 of 52")
    page.locator("#exhibit-2").wait_for()


def test_a_printed_page_shows_marks_as_words_and_no_buttons(opened, report):
    page = opened(report)
    page.locator("#exhibit-1").get_by_role("button", name="Unsure").click()
    page.emulate_media(media="print")
    shown = page.locator("article:visible h2, article:visible h3").all_text_contents()
    assert len(set(shown)) == len(shown) > 0
    assert not page.locator("#query").is_visible()
    assert not page.locator("#facets").is_visible()
    assert page.locator("#exhibit-1 footer").inner_text().strip() == "Your mark: unsure"
    # Browsers print no backgrounds unless a style demands it. The last mark is in the
    # page of a probe.
    page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<p class=recitation><mark "
        "id=m>words</mark></p>')"
    )
    differs = page.locator("#exhibit-1 b.differs").first
    assert (
        differs.evaluate("e => getComputedStyle(e).textDecorationLine") == "underline"
    )
    for tinted in ("#exhibit-1 .shared", "#m", ".key"):
        adjust = page.locator(tinted).first.evaluate(
            "e => getComputedStyle(e).printColorAdjust"
        )
        assert adjust == "exact"
    assert page.pdf()[:5] == b"%PDF-"


def test_a_phone_does_not_scroll_sideways(opened, report):
    page = opened(
        report, viewport={"width": 390, "height": 800}, is_mobile=True, has_touch=True
    )
    assert not page.get_by_role("checkbox", name=re.compile("^edited")).is_visible()
    page.get_by_text("Filters").click()
    assert page.get_by_role("checkbox", name=re.compile("^edited")).is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    # A window of 1280 pixels is zoomed to 200%, and all sections are open.
    page = opened(report, viewport={"width": 640, "height": 450})
    page.evaluate(
        "document.querySelectorAll('details').forEach(node => { node.open = true; })"
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 640


def test_each_bar_of_a_figure_leads_to_its_exhibits(opened, report):
    page = opened(report)
    for selector in ("figure svg a", 'a[href*="alike"]', 'a[href*="match="]'):
        for link in page.locator(f"#where {selector}").all()[:4]:
            number = (
                link.get_attribute("aria-label")
                or link.locator("xpath=../../td[1]").inner_text()
            )
            link.click()
            wait_for(page, f"{number.split(': ')[-1]} of 52")


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (1280, "light"),
        (390, "dark"),
        *([(1280, "dark"), (390, "light")] if NIGHTLY else []),
    ],
)
def test_the_report_is_sound(opened, tmp_path, width, scheme):
    """The page has few exhibits, since axe takes half a second for each."""
    report = write_report(write_folder(tmp_path / "a.run", rows(16)))
    page = opened(report, viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.locator("#exhibit-1").get_by_role("button", name="Accept").click()
    if width == 1280:
        page.get_by_role("checkbox", name=re.compile("^edited")).check()
        wait_for(page, "4 of 14")
    assert problems(page) == []


def test_a_page_contains_the_strongest_of_many_exhibits(opened, report, monkeypatch):
    monkeypatch.setattr("provscan.report.document.MOST", 30)
    page = opened(write_report(report.parent, report.parent / "cut.html"))
    assert "strongest 30 of 60 exhibits" in page.locator("#exhibits").text_content()
    assert status(page) == "30 of 30 exhibits; 1 to 25 shown"
    assert page.locator("#exhibit-1").locator("b.differs").all_text_contents() == [
        "sans nombre",
        "number 0",
    ]


def test_common_and_known_wording_is_listed_separately(opened, report):
    """It is in a folded section after the filters. The run keeps the texts of only some
    of these matches, and the page says so.
    """
    page = opened(report)
    page.get_by_text("Common or known wording (8)").click()
    page.get_by_role("checkbox", name=re.compile("^common wording")).check()
    wait_for(page, "56 of 56")
    page.get_by_role("checkbox", name=re.compile("^findings")).uncheck()
    wait_for(page, "4 of 4")
    assert page.url.endswith("#exhibits?list=common+wording")
    card = page.locator("#cards article").first
    assert "common or known wording" in card.locator("header").text_content()
    assert (
        card.locator("[title]")
        .get_attribute("title")
        .startswith("Three or more authors")
    )
    kept = [row for row in rows() if row["common"]]
    texts = [
        card.locator(".text").all_text_contents()
        for card in page.locator("#cards article").all()
    ]
    assert sorted(pair[1] for pair in texts) == sorted(row["tweet"] for row in kept)
    # Without a choice, only findings are listed.
    page.get_by_role("checkbox", name=re.compile("^common wording")).uncheck()
    wait_for(page, "52 of 52")
    page = opened(report, "#exhibits?list=short+or+ordinary+wording")
    wait_for(page, "3 of 3")
    texts = [
        card.locator(".text").all_text_contents()
        for card in page.locator("#cards article").all()
    ]
    assert {text for pair in texts for text in pair} == {
        "not kept: only the strongest matches of common or known wording keep their "
        "texts"
    }
    page = opened(report, "#exhibits?list=known+elsewhere")
    assert page.locator("#cards article").get_attribute("data-row") == "55"


def test_exhibits_in_latin_letters_come_first(opened, tmp_path):
    made = rows(
        5, ["これは日本語の文章です", "one two three", "три четыре", "a b", "12"]
    )
    page = opened(write_report(write_folder(tmp_path / "a.run", made)))
    order = "all => all.map(card => Number(card.dataset.row))"
    assert page.eval_on_selector_all("#cards article", order) == [1, 3, 4, 0, 2]
    page.select_option("#order", "bits")
    wait_for(page, "1 to 5 shown")
    assert page.eval_on_selector_all("#cards article", order) == [0, 1, 2, 3, 4]
