"""Test the demonstration from logs to report: the ledger finds the planted facts and no
others.
"""

import json
import re
import shutil
import zipfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import openpyxl
import pyarrow.parquet as pq
import pytest
import readme
from chromium import Watched, require_sound
from click.testing import CliRunner
from house import ROOT

from provscan.cli import main
from provscan.errors import InputError, OutputError
from provscan.ledger import (
    intake,
    logs,
    make_ledger,
    read_ledger,
    run,
    write_ledger_report,
)
from provscan.readers import file_checksum


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Return a folder with the demonstration and its ledger, made by the commands of
    docs/ledger.md.
    """
    folder = tmp_path_factory.mktemp("ledger")
    page = (ROOT / "docs" / "ledger.md").read_text(encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        # Plant the default number of spike-ins, which tests usually reduce.
        patch.setattr("provscan.calibration.spike_ins.FEWEST", 2000)
        assert readme.with_output(page, folder, readme.run_here) == page
    return folder


@pytest.fixture(scope="module")
def truth(demo):
    return json.loads((demo / "demo" / "truth.json").read_text())


def table(demo, name):
    return pq.read_table(
        demo / "demo.ledger" / "tables" / f"{name}.parquet"
    ).to_pylist()


def test_the_three_counts_are_those_of_a_naive_script(demo, truth):
    totals = {
        row["name"]: row
        for row in table(demo, "totals")
        if row["scope"] == "application"
    }
    assert totals.keys() == truth["counts"].keys()
    for name, counts in truth["counts"].items():
        row = totals[name]
        for count in ("calls", "refused", "delivered"):
            assert row[count] == counts[count], name
        for count in ("daily", "distinct"):
            assert row[f"{count}_low"] <= counts[count] <= row[f"{count}_high"], name
            if name in ("reader", "archive", "alerts"):
                assert row[f"{count}_value"] == counts[count], name


def test_all_planted_findings_are_found_and_no_others(demo):
    differs = {
        (row["kind"], row["rule"], row["version"], row["scope"], row["how"]): row
        for row in table(demo, "findings")
        if row["result"] == "differs"
    }
    logged = "distinct tweets by UTC day, from the logs"
    search = ("rate_limit", "search-app", "2018-09-11", "application", None)
    day = ("rate_limit", "timeline-day", "2022-07-01", "application", None)
    cap = ("monthly_cap", "cap", "2022-01-01", "project", logged)
    assert differs.keys() == {
        search,
        day,
        cap,
        ("deletion", "deletion", "2020-03-10", "application", "July"),
        ("government_notice", "government-notice", "2020-03-10", "application",
         "Harbour Police"),
    }  # fmt: skip
    peak = differs[search]
    assert (peak["subject"], f"{peak['measured_at']:%m-%d}") == ("search", "05-14")
    assert 450 < peak["measured"] <= 1001
    assert 100 <= differs[day]["above"] <= 181
    assert differs[cap]["subject"] == "news"
    assert f"{differs[cap]['measured_at']:%m}" == "11"


def test_gaps_copies_overlaps_retries_and_bad_lines(demo):
    states = {}
    for row in table(demo, "coverage"):
        if row["state"] != "covered":
            states.setdefault((row["application"], row["state"]), []).append(
                f"{row['day']:%m-%d}"
            )
    # The gap begins and ends near midnight.
    assert states == {
        ("reader", "gap"): ["08-09", "08-10", "08-11", "08-12", "08-13"],
        ("reader", "overlapping"): ["07-01", "07-02", "07-03"],
    }
    files = {
        "/".join(Path(row["source"]).parts[-2:]): row for row in table(demo, "files")
    }
    assert files["reader-again/2022-2.jsonl.gz"]["state"] == "copy"
    assert files["reader-again/2022-3.jsonl.gz"]["repeated"] == 72
    assert [(name, row["bad"]) for name, row in files.items() if row["bad"]] == [
        ("tally/2022-2.jsonl.gz", 25)
    ]
    retries = {row["name"]: row["retries"] for row in table(demo, "totals")}
    assert retries["search"] == 60
    assert retries[None] == 60


def test_clocks_and_shared_quotas(demo):
    clocks = {
        (Path(row["stream"]).parts[-2], row["kind"]): row
        for row in table(demo, "clock")
    }
    wrong = {each for each in clocks if each[1] not in ("agrees", "not_measured")}
    assert wrong == {("alerts", "behind"), ("archive", "backdated")}
    assert -21600 <= clocks["alerts", "behind"]["offset_at_most"] < -21500
    assert clocks["archive", "backdated"]["impossible"] == 60
    users = [row for row in table(demo, "fanout") if row["scope"] == "user"]
    (shared,) = [row for row in users if len(row["applications"]) > 1]
    assert shared["applications"] == ["atlas", "tally"]
    assert (shared["joint_peak"], shared["single_peak"]) == (300, 150)


def test_deletions_government_and_claims(demo, truth):
    (deletion,) = table(demo, "deletions")
    facts = truth["deletions"]
    assert (deletion["ids"], deletion["recorded_in_time"]) == (
        facts["requested"],
        facts["recorded"],
    )
    assert deletion["held_after"] == facts["held"]
    assert deletion["held_despite_record"] == facts["despite_record"]
    assert deletion["held_shared_text"] == 0
    government = {
        row["organisation"]: row["result"] for row in table(demo, "government")
    }
    assert government == {"Harbour Police": "differs", "City Library": "agrees"}
    claims = {
        (row["what"], row["count_of"]): row["result"] for row in table(demo, "claims")
    }
    assert claims == {
        ("calls", "calls"): "agrees",
        ("tweets", "delivered"): "more",
        ("tweets", "distinct by day, summed"): "agrees",
        ("tweets", "distinct overall"): "agrees",
    }
    unnamed = [
        row["about"]
        for row in table(demo, "missing")
        if row["code"] == "organisation_not_named"
    ]
    assert unnamed == ["Night Desk"]


def test_the_manifest_has_the_checksum_of_every_other_file(demo):
    ledger, out = read_ledger(demo / "demo.ledger"), demo / "demo.ledger"
    found = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert found == {*ledger["files"], "key.txt", "ledger.json", "report.html"}
    for name, about in ledger["files"].items():
        assert file_checksum(out / name) == about["xxh3"]
    assert ledger["case"]["name"] == "The letter of May 2023, invented"
    assert [pack["name"] for pack in ledger["policies"]] == ["x-developer", "limits"]


@pytest.mark.parametrize(
    "name", ["ledger.json", "tables/findings.parquet", "tables/missing.parquet"]
)
def test_figures_of_a_changed_ledger_are_refused(name, demo, tmp_path):
    ledger = shutil.copytree(demo / "demo.ledger", tmp_path / "a.ledger")
    data = (ledger / name).read_bytes()
    at = next(n for n in range(len(data) // 3, len(data)) if data[n : n + 1].isdigit())
    other = b"7" if data[at : at + 1] != b"7" else b"4"
    (ledger / name).write_bytes(data[:at] + other + data[at + 1 :])
    with pytest.raises(InputError, match=re.escape(str(ledger / name))):
        write_ledger_report(ledger, tmp_path / "a.html")
    if name == "ledger.json":
        done = CliRunner().invoke(main, ["info", str(ledger)])
        assert done.exit_code == 3
        assert str(ledger / name) in done.stderr
    (ledger / name).unlink()
    with pytest.raises(InputError):
        write_ledger_report(ledger, tmp_path / "a.html")
    assert not (tmp_path / "a.html").exists()


def test_the_workbook_has_a_sheet_for_each_table_and_says_what_it_leaves_out(demo):
    book = openpyxl.load_workbook(demo / "demo.ledger" / "ledger.xlsx", read_only=True)
    tables = {path.stem for path in (demo / "demo.ledger" / "tables").glob("*.parquet")}
    assert set(book.sheetnames) == {"contents", *tables}
    contents = {row[0]: row[1:] for row in book["contents"].values}
    rows = len(table(demo, "peaks"))
    assert contents["peaks"] == (rows, min(rows, 20_000))
    header, first, *_ = book["claims"].values
    assert dict(zip(header, first, strict=True))["claimed"] == 52_099
    book.close()


def test_the_same_inputs_give_the_same_bytes(demo, tmp_path):
    logs = [demo / "demo" / "logs" / "atlas" / "2022-1.jsonl.gz"]
    first, second = (make_ledger(logs, tmp_path / name, key="k") for name in "ab")
    names = [path.relative_to(first) for path in first.rglob("*") if path.is_file()]
    assert len(names) > 20
    for name in names:
        assert (second / name).read_bytes() == (first / name).read_bytes(), name


def test_the_report_needs_the_folder_alone(demo, tmp_path):
    moved = tmp_path / "moved"
    moved.mkdir()
    (moved / "tables").symlink_to(demo / "demo.ledger" / "tables")
    (moved / "ledger.json").symlink_to(demo / "demo.ledger" / "ledger.json")
    page = write_ledger_report(moved)
    assert page.read_bytes() == (demo / "demo.ledger" / "report.html").read_bytes()
    done = CliRunner().invoke(
        main, ["export", str(demo / "demo.ledger"), "-o", str(moved / "b.html")]
    )
    assert done.exit_code == 0, done.output
    done = CliRunner().invoke(
        main,
        ["export", str(demo / "demo.ledger"), "--digests", "-o", str(moved / "c.html")],
    )
    assert done.exit_code == 2


def test_the_page_is_self_contained_and_accessible(demo, browser):
    report = demo / "demo.ledger" / "report.html"
    require_sound(browser, report)
    page = Watched(browser, {}).page
    page.goto(report.as_uri())
    text = page.locator("main").inner_text()
    others = sum(
        row["lane"] == "accessed" and row["result"] != "differs"
        for row in table(demo, "findings")
    )
    for fact in (
        "Tweets delivered: 208,006",
        "on 149 of 181 days",
        "5 of these tweets",
        "1 had access before the date of notice",
        "access before notice",
        "no rule known for that day",
        f"{others} comparisons show no difference, or are undecided",
    ):
        assert fact in text, fact
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.context.close()
    page.context.close()


def test_months_are_drawn_with_the_cap_of_each_day(demo, browser):
    """The charts of all calls, of all tweets, and of a project with a cap."""
    page = browser.new_page()
    page.goto((demo / "demo.ledger" / "report.html").as_uri())
    charts = page.locator("figure", has_text="by calendar month")
    sums = Counter()
    for name in ("calls", "daily_tweets"):
        for row in table(demo, name):
            month = f"{row['day']:%Y-%m}"
            if name == "calls":
                sums["Calls", month] += row["calls"]
                sums["Tweets delivered", month] += row["delivered"]
            elif row["project"] == "news":
                sums["news", month] += row["tweets"]
    for number, what in enumerate(("Calls", "Tweets delivered", "news")):
        most = max(amount for (named, _), amount in sums.items() if named == what)
        assert f"largest: {most:,}" in charts.nth(number).text_content()
        path = charts.nth(number).locator(".fill").get_attribute("d")
        assert path.count("M") == sum(named == what for named, _ in sums)
    capped = [
        bool(chart.locator(".limit").get_attribute("d")) for chart in charts.all()
    ]
    assert capped[:3] == [False, False, True]
    page.close()


def test_names_in_logs_are_shown_as_text(tmp_path):
    name = "<b>&reader\u202e"
    line = {"time": "2022-01-01T00:00:00Z", "application": name, "endpoint": "=1+1"}
    (tmp_path / "a.jsonl").write_text(json.dumps(line) + "\n")
    out = make_ledger([tmp_path / "a.jsonl"], tmp_path / "out")
    page = (out / "report.html").read_text()
    assert "&lt;b&gt;&amp;reader[U+202E]" in page
    assert "<b>&reader" not in page
    with zipfile.ZipFile(out / "ledger.xlsx") as book:
        sheets = [book.read(each) for each in book.namelist() if "sheets/" in each]
    assert not any(b"<f>" in sheet for sheet in sheets)


def test_logs_alone_give_the_access_lane(tmp_path):
    tmp_path = tmp_path / "it's"
    tmp_path.mkdir()
    (tmp_path / "a.csv").write_text(
        "time,app,status\n2022-01-01T00:00:00Z,reader,200\n"
    )
    arguments = ["ledger", str(tmp_path / "a.csv"), "-o", str(tmp_path / "out")]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert "Accessed: 1 call, 0 refused" in done.output
    assert "Tweets delivered" in done.output
    assert "at least 0" in done.output
    done = CliRunner().invoke(main, [*arguments, "--json"])
    assert done.exit_code == 3
    assert "exists already: name another folder" in done.stderr


def test_an_interrupted_ledger_is_resumed(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text(
        "time,app,status\n2022-01-01T00:00:00Z,reader,200\n"
    )
    log, out = [tmp_path / "a.csv"], tmp_path / "out"

    def queried(db, name):
        raise RuntimeError("Query interrupted")

    with monkeypatch.context() as patched:
        patched.setattr(run, "run_script", queried)
        with pytest.raises(KeyboardInterrupt) as raised:
            make_ledger(log, out)
    assert "repeat the command to resume" in raised.value.__notes__[0]
    assert not out.exists()
    key = (tmp_path / "out.unfinished" / "key.txt").read_text()
    make_ledger(log, out)
    assert (out / "key.txt").read_text() == key
    assert not (tmp_path / "out.unfinished").exists()
    assert not (out / "parts").exists()


def test_an_interruption_is_not_taken_for_damage(tmp_path, monkeypatch):
    log = tmp_path / "a.csv"
    log.write_text("time,app,status\n2022-01-01T00:00:00Z,reader,200\n")
    batches = logs.Delimited.batches

    def interrupted(self, stream):
        yield from batches(self, stream)
        raise KeyboardInterrupt

    monkeypatch.setattr(logs.Delimited, "batches", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make_ledger([log], tmp_path / "out")
    assert list(tmp_path.iterdir()) == [log]


@pytest.mark.parametrize("step", [(intake._Maker, "_sql"), (run, "run_script")])
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (duckdb.InvalidInputException("of 'rows': KeyboardInterrupt: "), None),
        (duckdb.InterruptException("INTERRUPT Error: Interrupted!"), None),
        (duckdb.IOException("part: No space left on device"), OutputError),
    ],
)
def test_errors_of_the_database_are_not_taken_for_damage(
    error, expected, step, tmp_path, monkeypatch
):
    log = tmp_path / "a.csv"
    log.write_text("time,app,status\n2022-01-01T00:00:00Z,reader,200\n")

    def fails(*arguments):
        raise error

    monkeypatch.setattr(*step, fails)
    with pytest.raises(expected or KeyboardInterrupt):
        make_ledger([log], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_files_that_cannot_be_read_are_shown_and_change_the_status(tmp_path):
    sound, broken = tmp_path / "a.csv", tmp_path / "b.csv.gz"
    sound.write_text("time,app,status\n2022-01-01T00:00:00Z,reader,200\nbroken,x,1\n")
    broken.write_bytes(b"no gzip at all")
    arguments = ["ledger", str(sound), str(broken), "-o", str(tmp_path / "out")]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 3, done.output
    assert "Left out: 1 line that could not be read" in done.output
    assert f"Not read completely: {broken}: unread: " in done.output
    page = (tmp_path / "out" / "report.html").read_text()
    assert "1 line that could not be read" in page
    assert "b.csv.gz</bdi> was not read completely: unread" in page


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "a.csv",
            "time,app,status\nsoon,a,200\n,a,200\nlate,a,200\n",
            r"a\.csv can't be read: it has 3 bad lines and no call; the first is line "
            r"2 \(bad_time: 'soon,a,200'\)",
        ),
        (
            "a.jsonl",
            '{"app": "a"}\n{"app": "a", "time": "x"}\n',
            r"a\.jsonl can't be read: it has 2 bad lines and no call; the first is "
            r"line 1 \(no_time: '{\"app\": \"a\"}'\)",
        ),
        ("a.jsonl", "{broken\n", "it has no record with named values"),
        (
            "a.csv",
            "time,app,status\n",
            "it contains no call.* The readable formats are JSON lines",
        ),
    ],
)
def test_logs_without_a_call_are_answered_with_the_first_reason(
    name, text, said, tmp_path
):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=said) as raised:
        make_ledger([tmp_path / name], tmp_path / "out")
    assert "zone" not in str(raised.value)
    assert "WARC" not in str(raised.value)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_refused_calls_of_a_government_body_are_no_access(tmp_path):
    """The bureau is an application, and the police an organisation in its calls."""
    (tmp_path / "log.csv").write_text(
        "time,app,organisation,status,tweets\n"
        "2022-03-01T10:00:00Z,bureau,Police,403,0\n"
        "2022-03-02T10:00:00Z,bureau,Police,503,0\n"
        "2022-05-03T10:00:00Z,bureau,Police,200,5\n"
        "2022-06-01T10:00:00Z,bureau,Police,429,0\n"
        "2022-03-01T10:00:00Z,bureau,Office,403,0\n"
    )
    (tmp_path / "case.toml").write_text(
        '[case]\nname = "A"\nlogs = ["log.csv"]\n'
        '[[application]]\nname = "bureau"\ngovernment = true\nnotice = 2022-05-01\n'
        '[[end_user]]\napplication = "bureau"\nname = "Police"\ngovernment = true\n'
        "notice = 2022-05-01\n"
        '[[end_user]]\napplication = "bureau"\nname = "Office"\ngovernment = true\n'
    )
    made = make_ledger([], tmp_path / "out", case=tmp_path / "case.toml")
    found = {row["organisation"]: row for row in read_ledger(made)["government"]}
    numbers = ("logged_access", "last_access", "calls", "refused", "failed")
    access = "2022-05-03 10:00:00+00:00"
    shown = {name: [row[key] for key in numbers] for name, row in found.items()}
    assert shown == {
        "The application itself": [access, access, 1, 3, 1],
        "Police": [access, access, 1, 2, 1],
        "Office": [None, None, 0, 1, 0],
    }
    assert found["The application itself"]["result"] == "agrees"


@pytest.mark.parametrize(
    ("per", "often", "steps", "days", "result"),
    [
        (95, 2, 0, 1, "undecided"),
        (95, 1, 1, 1, "undecided"),
        (150, 1, 1, 1, "differs"),
        # A clock that is set back more than ten times, and in more than a thousandth
        # of the calls, was not set back: the log is in another order.
        (95, 1, 10, 1, "undecided"),
        (95, 1, 11, 1, "differs"),
        (95, 1, 18, 2, "undecided"),
        (95, 1, 19, 2, "differs"),
    ],
)
def test_calls_logged_twice_or_by_a_clock_set_back_exceed_no_limit(
    per, often, steps, days, result, tmp_path
):
    """The clock is set back by five minutes each time."""
    begin = datetime(2022, 5, 3, 0, 7, tzinfo=UTC)
    changes = [43_000 + 2_000 * step for step in range(steps)]
    seconds = [
        at - 300 * sum(at > change for change in changes)
        for at in (k * 900 / per for k in range(96 * days * per))
        for _ in range(often)
    ]
    lines = [f"{begin + timedelta(seconds=each)},a,/2/tweets,200\n" for each in seconds]
    (tmp_path / "log.csv").write_text("time,app,path,status\n" + "".join(lines))
    (tmp_path / "pack.toml").write_text(
        '[pack]\nname = "p"\ntitle = "P"\n[[rule]]\nid = "r"\nkind = "rate_limit"\n'
        'title = "R"\nwindow_minutes = 15\nversions = [{ date = 2020-01-01, '
        'dated = "effect", value = 100, says = "x", clause = "x", source = "x", '
        'text_sha256 = "none" }]\n'
    )
    case = tmp_path / "case.toml"
    case.write_text(
        '[case]\nname = "x"\nlogs = ["log.csv"]\npolicies = ["pack.toml"]\n'
    )
    made = make_ledger([], tmp_path / "out", case=case)
    (finding,) = pq.read_table(made / "tables" / "findings.parquet").to_pylist()
    assert finding["result"] == result
