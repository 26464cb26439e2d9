"""Test what people save from the report, and what it keeps: marks, notes and lists."""

import csv
import hashlib
import json
from datetime import UTC, datetime

from folders import rows, write_folder
from pages import wait_for

from provscan.report.document import write_report
from provscan.report.export import export


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
    assert "1 accepted, 1 rejected" in reviewed.locator("#numbers").text_content()
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
    assert "tweet 153264168760246272 by author_0, 2012-01-01" in cited
    assert "https://x.com/i/status/153264168760246272" in cited


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


def test_an_exhibit_is_saved_as_a_page_of_its_own(opened, report, tmp_path):
    page = opened(report)
    with page.expect_download() as download:
        page.locator("#exhibit-1").get_by_role(
            "button", name="Save this exhibit"
        ).click()
    download.value.save_as(saved := tmp_path / "exhibit.html")
    digest = hashlib.sha256(saved.read_bytes()).hexdigest()
    assert digest in page.locator("#exhibit-1 .saved").text_content()
    tweet = page.locator("#exhibit-1 .place a").text_content()
    assert f"exhibit-1-tweet-{tweet}" in download.value.suggested_filename
    phone = {"viewport": {"width": 390, "height": 800}, "is_mobile": True}
    alone = opened(saved, ready=False, **phone)
    assert alone.evaluate("document.documentElement.clientWidth") == 390
    assert alone.locator("article").count() == 1
    for side in (".place", ".text", ".differs"):
        assert (
            alone.locator(f"article {side}").all_text_contents()
            == page.locator(f"#exhibit-1 {side}").all_text_contents()
        )
    assert alone.locator("button").count() == 0
    bits = page.locator("#bits").text_content()
    assert alone.locator("p", has_text=bits).count() == 1
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
    page.fill("#query", "@B")
    wait_for(page, "3 of 6")


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
    assert [row["tweet_id"] for row in listed] == [
        f"'{row['tweet_id']}" for row in made
    ]
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
