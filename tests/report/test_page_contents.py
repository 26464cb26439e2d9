"""Test what the page of a report contains, also without scripts, and what it hides."""

import copy
import json
import re
from pathlib import Path

import pytest
from folders import hostile, rows, write_folder
from pages import SUMMARY, wait_for

from provscan.report.document import write_report
from provscan.report.languages import language

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
    assert ("expected to explain about 1 of them" in said) == (changes is CLEAN)


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
