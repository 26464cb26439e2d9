"""Test what people do with the report in a real browser."""

import copy
import csv
import hashlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from chromium import options_in
from click.testing import CliRunner
from folders import hostile, rows, write_folder
from nightly import NIGHTLY

from provscan.cli import main
from provscan.report.document import write_report
from provscan.report.export import export
from provscan.report.languages import language

SUMMARY = json.loads(
    (Path(__file__).parent / "summary.json").read_text(encoding="utf-8")
)

# Returns the row and both complete texts of each card, in which escaped characters
# become characters again.
READ_BACK = """cards => cards.map(card => {
  const folded = () => Array.from(card.querySelectorAll('button')).find(node => /^Show all/.test(node.textContent));
  for (let more; (more = folded());) more.click();
  return [Number(card.dataset.row), Array.from(card.querySelectorAll('.text'), side => {
    const copy = side.cloneNode(true);
    copy.querySelectorAll('.around, button').forEach(node => node.remove());
    copy.querySelectorAll('.control-character').forEach(node =>
      node.replaceWith(String.fromCodePoint(parseInt(node.textContent.slice(2), 16))));
    return copy.textContent;
  })];
})"""  # noqa: E501


def status(page):
    return str(page.locator("#status").text_content())


def number(page):
    return int(re.match(r"[\d,]+", status(page))[0].replace(",", ""))


def wait_for(page, text):
    page.locator("#status", has_text=text).wait_for()


def test_the_page_shows_the_headline_and_the_strongest_exhibits(opened, report):
    page = opened(report)
    assert (
        page.title()
        == page.locator("h1").text_content()
        == SUMMARY["answer"]["headline"]
    )
    assert page.locator("h1 .status").text_content() == "COPIES FOUND"
    assert options_in(page.content()) == []
    assert page.locator(".ends .main b").text_content() == "52"
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
        == "900000000000000000"
    )


def test_differences_are_marked_word_by_word(opened, report):
    page = opened(report)
    first, second = page.locator("#exhibit-1"), page.locator("#exhibit-2")
    assert first.locator("b.differs").all_text_contents() == ["sans nombre", "number 0"]
    assert (
        "Only in the dataset: “sans nombre”. Only in the tweet: “number 0”."
        in first.text_content()
    )
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


def test_names_in_the_figures_lead_to_their_exhibits(opened, report):
    page = opened(report)
    page.get_by_role("link", name="author_3").click()
    wait_for(page, "exhibits; 1 to 1")
    assert number(page) == sum(
        row["counted"] and row["author"] == "author_3" for row in rows()
    )


def test_marks_made_by_keyboard_are_kept_and_transferred(opened, report, tmp_path):
    page = opened(report)
    page.focus("#query")
    tabs = 0
    while not page.evaluate("document.activeElement.closest('article')") and tabs < 6:
        page.keyboard.press("Tab")
        tabs += 1
    assert tabs <= 5
    page.keyboard.press("a")
    page.keyboard.press("j")
    page.keyboard.press("r")
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.id") == "exhibit-1"
    page.locator("#exhibit-2").get_by_role("button", name="Add note").click()
    page.locator("#note-2").fill("Quotation.\nSee <b>file</b> 7.")
    page.locator("#note-2").press("Tab")
    page.reload()
    page.locator("html[data-ready]").wait_for(state="attached")
    assert (
        page.locator("#mark-counts").text_content()
        == "Your marks: 1 accepted, 1 rejected, 0 unsure"
    )
    assert page.locator("#note-2").input_value() == "Quotation.\nSee <b>file</b> 7."
    with page.expect_download() as download:
        page.click("#save-marks")
    saved = tmp_path / "marks.json"
    download.value.save_as(saved)
    marks = json.loads(saved.read_text(encoding="utf-8"))["marks"]
    assert [(mark["exhibit"], mark["verdict"], mark["record"]) for mark in marks] == [
        (1, "accepted", 0),
        (2, "rejected", 1),
    ]
    other = opened(report)
    other.set_input_files("#load-marks", saved)
    other.locator("#mark-message", has_text="2 marks were loaded.").wait_for()
    assert other.locator("#exhibit-2 .verdict").text_content() == "rejected"
    reviewed = opened(
        write_report(report.parent, tmp_path / "reviewed.html", marks=saved)
    )
    assert (
        "Marks of reviewers on the exhibits: 1 accepted, 1 rejected"
        in reviewed.locator("#numbers").text_content()
    )
    assert reviewed.locator("#note-2").input_value() == "Quotation.\nSee <b>file</b> 7."


def test_a_note_without_a_verdict_is_saved_and_listed(opened, report, tmp_path):
    page = opened(report)
    page.locator("#exhibit-3").get_by_role("button", name="Add note").click()
    page.locator("#note-3").fill("Ask the author.")
    page.locator("#note-3").press("Tab")
    with page.expect_download() as download:
        page.click("#save-marks")
    download.value.save_as(saved := tmp_path / "marks.json")
    export(report.parent, tmp_path / "list.jsonl", marks=saved)
    listed = [
        json.loads(line)
        for line in (tmp_path / "list.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert [(row["exhibit"], row["verdict"]) for row in listed if row["note"]] == [
        (3, "")
    ]
    reviewed = opened(
        write_report(report.parent, tmp_path / "reviewed.html", marks=saved)
    )
    assert reviewed.locator("#note-3").input_value() == "Ask the author."
    assert "Marks of reviewers" not in reviewed.locator("#numbers").text_content()


def test_a_citation_names_place_and_tweet(opened, report):
    page = opened(report, permissions=["clipboard-read", "clipboard-write"])
    page.locator("#exhibit-1").get_by_role("button", name="Copy citation").click()
    page.get_by_role("button", name="Copied").wait_for()
    cited = page.evaluate("navigator.clipboard.readText()")
    assert cited.startswith(
        "Exhibit 1. record 0 (id d0) of part-0.jsonl, characters 5 to"
    )
    assert ", counted from 0: “" in cited
    assert "counted from 0" in page.locator("#exhibits").text_content()
    assert (
        "licensed tweet 900000000000000000 by author_0, 2012-01-01, "
        "https://x.com/i/status/900000000000000000" in cited
    )


def test_direction_characters_are_escaped_in_a_citation(opened, tmp_path):
    (made := rows(2, ["caf\u00e9 \u202enoir", "cafe\u0301 au lait"]))[0].update(
        author="a\u202eb"
    )
    page = opened(
        write_report(write_folder(tmp_path / "a.run", made)),
        permissions=["clipboard-read", "clipboard-write"],
    )
    page.locator("#exhibit-1").get_by_role("button", name="Copy citation").click()
    page.get_by_role("button", name="Copied").wait_for()
    cited = page.evaluate("navigator.clipboard.readText()")
    assert "\u202e" not in cited
    assert cited.count("caf\u00e9 [U+202E]noir") == 2
    assert " by a[U+202E]b, " in cited
    # A search finds both encodings of an accent.
    for query in ("caf\u00e9", "CAFE\u0301"):
        page.fill("#query", query + " au")
        wait_for(page, "1 of 2")
        page.fill("#query", query)
        wait_for(page, "2 of 2")


def test_a_citation_and_the_page_without_scripts_name_the_field(opened, tmp_path):
    (made := rows(2))[0].update(
        field="messages[3].content", similarity=0.9967, level="strong"
    )
    path = write_report(write_folder(tmp_path / "a.run", made))
    page = opened(path, permissions=["clipboard-read", "clipboard-write"])
    page.locator("#exhibit-1").get_by_role("button", name="Copy citation").click()
    page.get_by_role("button", name="Copied").wait_for()
    cited = page.evaluate("navigator.clipboard.readText()")
    assert "of part-0.jsonl, field messages[3].content, characters 5 to" in cited
    assert (
        "(nearly word for word, 99.7% alike, extremely rare wording, 400 bits)" in cited
    )
    plain = (
        opened(path, ready=False, java_script_enabled=False)
        .locator("#static article")
        .first.text_content()
    )
    assert "of part-0.jsonl, field messages[3].content, characters 5 to" in plain
    assert "nearly word for word99.7% alike" in plain


def test_a_printed_page_shows_marks_as_words_and_no_buttons(opened, report):
    page = opened(report)
    page.locator("#exhibit-1").get_by_role("button", name="Unsure").click()
    page.emulate_media(media="print")
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


def test_without_scripts_the_page_shows_the_first_exhibits(opened, report):
    page = opened(report, ready=False, java_script_enabled=False)
    assert page.locator("#static article:visible").count() == 20
    assert not page.locator("#query").is_visible()
    assert "The first 20 of 52 findings" in page.locator("#static").text_content()
    interval = page.locator(".interval svg")
    assert interval.bounding_box()["width"] > 300
    assert interval.get_attribute("aria-label") == (
        "Records from 0 to 61: findings 52, at least 47, estimate 51, interval 47 to 58"
    )
    strip = page.locator("#where figure svg")
    counts = [*map(int, strip.get_attribute("aria-label").split(": ")[1].split(", "))]
    assert (len(counts), sum(counts)) == (100, 52)
    assert strip.locator("rect").count() == len([n for n in counts if n])


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
def test_axe_finds_no_violation(opened, tmp_path, width, scheme):
    """The page has few exhibits, since axe takes half a second for each."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    report = write_report(write_folder(tmp_path / "a.run", rows(16)))
    page = opened(report, viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.locator("#exhibit-1").get_by_role("button", name="Accept").click()
    if width == 1280:
        page.get_by_role("checkbox", name=re.compile("^edited")).check()
        wait_for(page, "4 of 14")
    for details in page.locator("details").all():
        details.evaluate("node => { node.open = true; }")
    found = axe.run(page, options={"resultTypes": ["violations"]}).response[
        "violations"
    ]
    assert [
        (item["id"], item["impact"], item["nodes"][0]["html"][:200]) for item in found
    ] == []


def test_texts_can_be_left_out_of_the_page(opened, report, tmp_path):
    path = write_report(report.parent, tmp_path / "none.html", digests=True)
    page = opened(path)
    assert re.search(r"SHA-256 [0-9a-f]{64}", page.locator("#exhibit-2").text_content())
    assert "ferry" not in page.locator("#cards").text_content()
    assert "harbour" not in path.read_text(encoding="utf-8")


def test_hostile_texts_are_shown_unchanged(opened, tmp_path):
    texts = hostile()
    made = rows(100, texts)
    for row, text in zip(made, texts, strict=True):
        row.update(
            source=f"{text[:60]}.jsonl",
            record_id=text[:60],
            author=text[:60],
            field=text[:40],
            counted=True,
        )
    page = opened(write_report(write_folder(tmp_path / "hostile.run", made)))
    read = {}
    for turn in range(1, 5):
        # HTML changes the ends of lines.
        read.update(page.locator("#cards article").evaluate_all(READ_BACK))
        if turn < 4:
            page.click("#next")
            wait_for(page, f"; {25 * turn + 1} to")
    order = sorted(range(100), key=lambda i: (-made[i]["bits"], i))
    assert [read[row] for row in range(100)] == [[texts[i], texts[i]] for i in order]
    assert page.evaluate("window.owned") is None
    assert page.title() == SUMMARY["answer"]["headline"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_inputs_that_were_not_read_completely_are_listed(opened, tmp_path):
    summary = {
        **SUMMARY,
        "sources": [dict(SUMMARY["sources"][0], source=f"{n}.jsonl") for n in range(4)],
        "unread": [{"path": "a.parquet", "reason": "This is not a parquet file."}],
        "damaged": [
            {"source": f"cut-{n}.gz", "records": n, "problem": "truncated gzip file"}
            for n in range(7)
        ],
        "notes": {"wrongly_decoded": 1},
    }
    page = opened(write_report(write_folder(tmp_path / "unread.run", rows(9), summary)))
    answer, method = (
        page.locator("#answer").text_content()
        + page.locator("#numbers").text_content(),
        page.locator("#method").text_content(),
    )
    for said in (
        "2.jsonl and 1 other file",
        "a.parquet was not scanned: This is not a parquet file.",
        "cut-1.gz: truncated gzip file (1 record was read).",
        "2 more are listed under",
        "Texts decoded with a wrong encoding before they were written; copies in them "
        "may be missed: 1",
    ):
        assert said in re.sub(r"\s+", " ", answer)
    assert ".." not in answer
    assert all(f"cut-{n}.gz" in method for n in range(7))


def test_hostile_names_of_files_and_fields_are_escaped(opened, tmp_path):
    info = json.loads((Path(__file__).parent / "run.json").read_text(encoding="utf-8"))
    names = hostile(44)
    summary = {
        **SUMMARY,
        "sources": [dict(SUMMARY["sources"][0], source=name[:80]) for name in names],
        "unread": [{"path": name[:80], "reason": name[:80]} for name in names],
        "examples": [
            dict.fromkeys(("source", "where", "reason", "code", "detail"), name[:80])
            for name in names
        ],
        "answer": {
            **SUMMARY["answer"],
            "warnings": [{"code": "x", "message": name[:80]} for name in names],
        },
    }
    info["inputs"] = [{"source": name[:80], "bytes": 1, "xxh3": "00"} for name in names]
    info["repeat"] = "provscan match -- '</pre><script>window.owned=1</script>\x9b2J'"
    page = opened(
        write_report(write_folder(tmp_path / "names.run", rows(9), summary, info))
    )
    assert page.evaluate("window.owned") is None
    assert page.locator("pre").text_content() == info["repeat"].replace(
        "\x9b", "[U+009B]"
    )
    assert (
        "</script><script>window.owned = 1</script>"
        in page.locator("#answer").text_content()
    )


def test_commands_write_pages_and_lists(report, tmp_path):
    page = CliRunner().invoke(
        main,
        ["export", str(report.parent), "--digests", "-o", str(tmp_path / "a.html")],
    )
    assert page.output == f"Report: {tmp_path / 'a.html'}\n"
    listed = CliRunner().invoke(
        main, ["export", str(report.parent), "-o", str(tmp_path / "a.csv")]
    )
    assert listed.output.splitlines()[0] == f"52 exhibits: {tmp_path / 'a.csv'}"
    wrong = CliRunner().invoke(
        main, ["export", str(report.parent), "-o", str(tmp_path / "a.doc")]
    )
    assert wrong.exit_code == 2


def test_a_page_contains_the_strongest_of_many_exhibits(opened, report, monkeypatch):
    monkeypatch.setattr("provscan.report.document.MOST", 30)
    page = opened(write_report(report.parent, report.parent / "cut.html"))
    assert (
        "The page shows the strongest 30 of 60 exhibits."
        in page.locator("#exhibits").text_content()
    )
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


def test_an_exhibit_is_saved_as_a_page_of_its_own(opened, report, tmp_path):
    page = opened(report)
    with page.expect_download() as download:
        page.locator("#exhibit-1").get_by_role(
            "button", name="Save this exhibit"
        ).click()
    download.value.save_as(saved := tmp_path / "exhibit.html")
    digest = hashlib.sha256(saved.read_bytes()).hexdigest()
    assert digest in page.locator("#exhibit-1 .saved").text_content()
    alone = opened(saved, ready=False)
    assert alone.locator("article").count() == 1
    for side in (".place", ".text", ".differs"):
        assert (
            alone.locator(f"article {side}").all_text_contents()
            == page.locator(f"#exhibit-1 {side}").all_text_contents()
        )
    assert alone.locator("button").count() == 0
    assert page.locator("html").get_attribute("data-run") in alone.content()


def test_days_limit_the_exhibits_and_their_tweets_are_saved(opened, tmp_path):
    made = rows(6)
    for day, row in enumerate(made, 1):
        row.update(
            counted=True, time=datetime(2012, 5, day, tzinfo=UTC), author="bc"[day % 2]
        )
    made[5].update(time=None)
    made[4].update(tweet_id=made[3]["tweet_id"])
    page = opened(write_report(write_folder(tmp_path / "a.run", made)))
    page.fill("#from", "2012-05-02")
    wait_for(page, "4 of 6")
    page.fill("#to", "2012-05-05")
    page.reload()
    wait_for(page, "4 of 6")
    assert page.locator("#to").input_value() == "2012-05-05"
    with page.expect_download() as download:
        page.click("#save-tweets")
    download.value.save_as(saved := tmp_path / "tweets.csv")
    with saved.open(encoding="utf-8-sig", newline="") as file:
        listed = list(csv.DictReader(file))
    assert [
        (row["author"], row["exhibits"], row["strongest_exhibit"]) for row in listed
    ] == [("b", "1", "2"), ("b", "2", "4"), ("c", "1", "3")]
    page.get_by_role("button", name="Remove filter posted").click()
    wait_for(page, "6 of 6")
    page.fill("#query", "2012-05-03")
    wait_for(page, "1 of 6")


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


def test_the_list_is_saved_as_csv(opened, tmp_path):
    texts = [
        "=1+1",
        "\uff1d1+1",
        "\n=1",
        'a "quoted", word',
        "\u202eevil",
        "plain words",
    ]
    made = rows(6, texts)
    for row in made:
        row.update(counted=True, author="@someone")
    page = opened(write_report(write_folder(tmp_path / "a.run", made)))
    page.locator("#exhibit-1").get_by_role("button", name="Accept").click()
    page.fill("#query", "a")
    wait_for(page, "6 of 6")
    with page.expect_download() as download:
        page.click("#save-list")
    download.value.save_as(saved := tmp_path / "list.csv")
    with saved.open(encoding="utf-8-sig", newline="") as file:
        listed = list(csv.DictReader(file))
    assert [row["passage"] for row in listed] == [
        *(
            "'=1+1",
            "'\uff1d1+1",
            "'\n=1",
            'a "quoted", word',
            "[U+202E]evil",
            "plain words",
        )
    ]
    assert {row["author"] for row in listed} == {"'@someone"}
    assert [row["verdict"] for row in listed] == ["accepted", *[""] * 5]
    assert (listed[0]["bits"], listed[0]["wording"], listed[0]["exhibit"]) == (
        "400",
        "extremely rare wording",
        "1",
    )


def test_case_client_and_examiner_are_kept_printed_and_transferred(
    opened, report, tmp_path
):
    page = opened(report)
    assert page.locator("#about").text_content() == "not given"
    page.click(".case summary")
    page.fill("#about-case", "12 CV 3456")
    page.fill("#about-examiner", "<b>A. Smith</b>")
    page.reload()
    page.locator("html[data-ready]").wait_for(state="attached")
    assert page.locator("#about-case").input_value() == "12 CV 3456"
    page.emulate_media(media="print")
    assert page.locator("#about").text_content() == "12 CV 3456 · <b>A. Smith</b>"
    assert page.locator("#about").is_visible()
    assert not page.locator("#about-case").is_visible()
    page.emulate_media(media="null")
    with page.expect_download() as download:
        page.click("#save-marks")
    download.value.save_as(saved := tmp_path / "marks.json")
    reviewed = opened(
        write_report(report.parent, tmp_path / "reviewed.html", marks=saved)
    )
    assert reviewed.locator("#about-examiner").input_value() == "<b>A. Smith</b>"


def test_no_folder_of_the_machine_is_shown(opened, tmp_path):
    """The list of inputs, the command and the exhibits show paths relative to the
    folder that was scanned.
    """
    summary, info = (
        copy.deepcopy(SUMMARY),
        json.loads((Path(__file__).parent / "run.json").read_text(encoding="utf-8")),
    )
    place = "/home/someone/secret client"
    made = rows(30)
    for item in (*summary["sources"], *summary["examples"], *info["inputs"], *made):
        item["source"] = f"{place}/{item['source']}"
    summary["unread"] = [
        {
            "path": f"{place}/b/c.doc",
            "reason": f"can't open {place}/b/c.doc: unsupported",
        }
    ]
    summary["damaged"] = [
        {"source": f"{place}/part-0.jsonl", "records": 3, "problem": "cut off"}
    ]
    info["repeat"] = (
        f"provscan match '{place}' -i /srv/x/licensed.index --control "
        "/mnt/other/control.jsonl"
    )
    info["parameters"]["control"], info["index"]["path"] = (
        ["/mnt/other/control.jsonl"],
        "/srv/x/licensed.index",
    )
    path = write_report(write_folder(tmp_path / "a.run", made, summary, info))
    assert not re.search("/home|/srv|/mnt|someone", path.read_text(encoding="utf-8"))
    page = opened(path)
    assert page.locator("pre").text_content() == (
        "provscan match 'secret client' -i licensed.index --control control.jsonl"
    )
    assert "of part-0.jsonl, characters" in page.locator("#exhibit-1").text_content()
    page.get_by_role("link", name="part-1.jsonl").click()
    wait_for(page, "13 of 26")


def test_few_findings_make_no_charts(opened, tmp_path):
    summary = copy.deepcopy(SUMMARY)
    summary["answer"]["records"]["findings"] = 19
    page = opened(write_report(write_folder(tmp_path / "a.run", rows(20), summary)))
    assert (
        page.locator("#where").count()
        == page.get_by_role("link", name="Where").count()
        == 0
    )


NOT_MEASURED = {
    "status": "not_measured",
    "headline": "CHANCE NOT MEASURED: 52 of 4,997 records share rare wording.",
}
CANNOT_JUDGE = {
    "status": "cannot_judge",
    "headline": "CANNOT JUDGE: 52 of 4,997 records share rare wording.",
    "details": ["The findings are too few to rule chance out."],
}
CLEAN = {
    "status": "no_copies_shown",
    "headline": "NO COPIES SHOWN in 4,997 records.",
    "warnings": [],
}


@pytest.mark.parametrize("changes", [NOT_MEASURED, CANNOT_JUDGE, CLEAN])
def test_withheld_numbers_are_not_drawn(opened, tmp_path, changes):
    summary = copy.deepcopy(SUMMARY)
    summary["answer"].update(changes)
    summary["answer"]["records"].update(
        at_least=0 if changes is CLEAN else None, estimate=None
    )
    page = opened(write_report(write_folder(tmp_path / "a.run", rows(), summary)))
    assert page.locator("h1").text_content() == changes["headline"]
    assert page.locator(".interval").count() == 0
    assert page.locator(".callout").count() == (0 if changes is CLEAN else 1)
    said = page.locator("#exhibits > p").first.text_content()
    assert ("It is unknown" in said) == (changes is not CLEAN)
    status = page.locator(f".status.{changes['status']}")
    assert (
        status.evaluate("e => getComputedStyle(e).backgroundColor")
        == {
            "no_copies_shown": "rgb(11, 87, 164)",
            "cannot_judge": "rgb(102, 57, 186)",
            "not_measured": "rgb(89, 99, 110)",
        }[changes["status"]]
    )
    assert ("Chance explains about 1 of them" in said) == (changes is CLEAN)


def test_upper_limits_have_a_separate_table(opened, report):
    page = opened(report)
    assert page.locator(".limits td").all_text_contents() == ["45", "44"]
    assert "45" not in page.locator(".ends").text_content()
    assert "Fewer than a third of the test copies" not in "".join(
        page.locator(".callout").all_text_contents()
    )


def test_the_language_is_a_filter(opened, report):
    page = opened(report)
    page.get_by_role("group", name="Language of the tweet").get_by_role(
        "checkbox", name=re.compile("^ja")
    ).check()
    known = [row for row in rows() if row["lang"] == "ja" and row["counted"]]
    wait_for(page, f"{len(known)} of 52")
    assert page.url.endswith("#exhibits?lang=ja")


def test_a_long_facet_shows_more(opened, tmp_path):
    made = rows(70)
    for i, row in enumerate(made):
        row.update(author=f"writer_{i}", counted=True)
    page = opened(write_report(write_folder(tmp_path / "authors.run", made)))
    authors = page.get_by_role("group", name="Author")
    assert authors.get_by_role("checkbox").count() == 12
    authors.get_by_role("button", name="Show 50 of 58 more").click()
    assert authors.get_by_role("checkbox").count() == 62
    assert page.evaluate("document.activeElement.dataset.code").startswith("author ")
    authors.get_by_role("button", name="Show 8 of 8 more").click()
    assert authors.get_by_role("checkbox").count() == 70
    assert authors.get_by_role("button").count() == 0


def test_a_partial_match_shows_its_share_of_the_tweet(opened, tmp_path):
    made = rows(3)
    made[0].update(level="partial", containment=0.47, similarity=0.2)
    page = opened(write_report(write_folder(tmp_path / "partial.run", made)))
    assert "a part47% of the tweet" in page.locator("#exhibit-1").text_content()
    assert page.get_by_role("checkbox", name=re.compile("^a part")).count() == 1


def test_a_language_and_a_direction_are_set_on_each_text(opened, tmp_path):
    """The script and the template follow the same rules."""
    texts = [
        "a ferry",
        "本日欠航",
        "今日のフェリー",
        "العبارة late",
        "המעבורת",
        "паром",
        "!",
    ]
    made = rows(7, texts)
    for row in made:
        row |= {"counted": True, "lang": "ja", "bits": 100.0}
    report = write_report(write_folder(tmp_path / "a.run", made))
    expected = sorted(language(text, "ja") for text in texts for _ in range(2))
    html = report.read_text(encoding="utf-8")
    static = re.findall(
        '<p class="text" lang="(.*?)" dir="(.*?)">', html[html.index('id="static"') :]
    )
    assert sorted(static) == expected
    shown = opened(report).locator("#cards .text")
    found = shown.evaluate_all("nodes => nodes.map(node => [node.lang, node.dir])")
    assert sorted(map(tuple, found)) == expected
