"""The laws that results must obey.

A fact is a law on one result. A change is a law on two: something is changed in the
case that must not change the result, or only in a known way. :mod:`truth.handover` and
:mod:`truth.clean` have more changes, and :mod:`truth.machines` has the table of all.
"""

from __future__ import annotations

import html
import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from truth import adapter, draw, layouts
from truth.adapter import EXACT, LITERAL, Result, Row
from truth.core import same
from truth.draw import Case, Place, Tweet
from truth.layouts import Layout, Written

# The record, the field and the tweet of a copy.
Where = tuple[int, str | None, str]


@dataclass
class Scan:
    """A case with its files and the result of its scan."""

    case: Case
    folder: Path
    written: Written
    result: Result
    made: int = 0

    def rng(self) -> random.Random:
        """Return random numbers, the same ones for each law."""
        return random.Random(f"{self.case.seed} {self.case.number}")

    @cached_property
    def planted(self) -> dict[Where, list[Place]]:
        """The copies of texts that are searched for, in fields that are scanned."""
        case, found = self.case, defaultdict(list)
        for place in case.places:
            if case.scanned(place.slot) and place.tweet in case.searched:
                field = case.field(place.record, place.slot)
                found[place.record, field, case.searched[place.tweet]].append(place)
        return found

    @cached_property
    def found(self) -> dict[Where, list[Row]]:
        """The matches."""
        found = defaultdict(list)
        for row in self.result.rows:
            found[self.record(row), row.field, row.tweet].append(row)
        return found

    def record(self, row: Row) -> int:
        return self.written.records[row.source, row.record]

    def text(self, row: Row) -> str:
        return self.case.fields(self.record(row))[row.field]

    def new(self, suffix: str = "") -> Path:
        """Return a new path."""
        self.made += 1
        return self.folder / f"new{self.made}{suffix}"

    def again(
        self, paths: Any = None, index: Path | None = None, **changes: Any
    ) -> Result:
        """Scan the same files, or others, with some other options."""
        call = paths or self.written.paths, index or self.case.index, self.new()
        with adapter.without_pages():
            return adapter.scan(*call, **self.case.settings() | changes)

    def rewritten(self, layout: Layout, chosen: range | None = None) -> Written:
        """Write the records, or some of them, in another layout."""
        return layouts.write(self.case.records(layout, chosen), layout, self.new())


# Laws on one result.


def exact_copies_are_found(scan: Scan) -> None:
    """Every exact copy or quotation of 40 letters and more is found at its place."""
    case, drawn = scan.case, {record for record, _, _ in scan.found}
    # Words of an answer that repeat its prompt are left out.
    asked = {(p.record, p.tweet) for p in case.places if not case.scanned(p.slot)}
    for where, places in scan.planted.items():
        rows = scan.found.get(where, [])
        for place in places:
            repeated = (place.record, place.tweet) in asked
            if place.exact and not repeated and (case.whole or where[0] in drawn):
                assert any(fits(row, place) for row in rows), f"{place}, only {rows}"


def fits(row: Row, place: Place) -> bool:
    (a, b), (c, d) = place.starts, place.ends
    # A span that ends before a link is only nearly exact.
    levels = (EXACT,) if (a, c) == (b, d) else LITERAL
    return a <= row.start <= b and c <= row.end <= d and row.level in levels


def nothing_else_is_found(scan: Scan) -> None:
    ids = scan.case.layout.shape != "one"
    for where, rows in scan.found.items():
        places = scan.planted.get(where, [])
        for row in rows:
            assert not ids or row.record_id == f"r{where[0]}", f"another id: {row}"
            spans = ((place.starts[0], place.ends[1]) for place in places)
            assert any(row.start < end and start < row.end for start, end in spans), row


def flags_are_true(scan: Scan) -> None:
    """Common, known and control texts are no findings, and the others are."""
    case, known_data = scan.case, scan.case.options["known"]
    for row in scan.result.rows:
        tweets, literal = len(case.licensed.get(row.tweet, ())), row.level in LITERAL
        flags = {"control": case.is_control(row.tweet)}
        if tweets:
            flags |= {"common": row.tweet in case.common, "tweets": tweets}
        if tweets and literal:
            flags["known"] = bool(known_data and row.tweet in case.world.known)
        counts = not (flags["control"] or flags.get("common") or flags.get("known"))
        if literal or not counts:
            flags["finding"] = counts
        assert row == row._replace(**flags), f"{flags} are true: {row}"


def every_record_is_counted(scan: Scan) -> None:
    """Scanned and left out are what is in the files, and totals are projected so."""
    result, case, count = scan.result, scan.case, len(scan.case.texts)
    empty = sum(not any(texts) for texts in case.texts)
    outputs, sample = case.options["outputs"], case.options["sample"]
    if sample != "files" and not outputs:
        for total in result.totals:
            assert abs(total - count) <= empty + 1e-6 * count, f"{count} are {total}"
    if sample == "records" and not outputs:
        share, noise = result.scanned / count, 2 / math.sqrt(count) + empty / count
        assert abs(share - result.share) <= noise, f"{share}, {result.share} said"
    if sample is None:
        same(result.read, Counter(source for source, _ in scan.written.places))
        same(result.scanned + result.left_out, count, "scanned and left out")
        same(result.left_out, result.left_out if outputs else empty, "left out")
        same(result.incomplete, [], "what is said to be left out")


def counts_follow_from_rows(scan: Scan) -> None:
    same(*scan.result.counts())


def numbers_are_in_order(scan: Scan) -> None:
    result = scan.result
    partial = not scan.case.whole or scan.case.options["fraction"]
    for unit in ("records", "texts"):
        each = result.bounds(unit)
        most = (each.high if partial else each.findings) or math.inf
        assert 0 <= (each.at_least or 0) <= most, f"{unit}: {each}"
        if each.value is not None:
            assert each.low <= each.value <= each.high, f"{unit}: {each}"
    same(result.claims, bool(result.bounds("records").at_least), "a claim")


def evidence_shows_the_passage(scan: Scan) -> None:
    """The passage is the text between start and end, beside the text of the tweet."""
    tweets = {each.key: each for each in scan.case.world.tweets}
    for row in scan.result.findings:
        tweet, passage = tweets[row.tweet], scan.text(row)[row.start : row.end]
        if not ("▒" in row.passage and scan.case.options["outputs"]):
            same(row.passage, passage, "the passage")
        same(row.text, tweet.text, "the tweet")
        core, found = (
            "".join(html.unescape(text).split())
            for text in (tweet.text[tweet.first : tweet.last], passage)
        )
        assert row.level != EXACT or core in found, f"no exact copy: {row}"


# Laws on two results.


def require_same(scan: Scan, result: Result, written: Written) -> None:
    """Require the same results of the same records in two layouts."""
    before, after = (
        Counter(
            row._replace(
                source="",
                record=files.records[row.source, row.record],
                record_id=None,
                new=None,
            )
            for row in each.rows
        )
        for each, files in ((scan.result, scan.written), (result, written))
    )
    same(after, before)
    # Of several findings with equal texts, the order decides which of them are new.
    same(
        *(
            Counter((r.tweet, r.passage, r.new) for r in each.rows)
            for each in (result, scan.result)
        )
    )
    # Values that are no text are scanned in a field that has text in the first records
    # of its file, and these depend on how records are divided among files.
    late = scan.case.layout.shape in layouts.LATE
    if not late or scan.written.places == written.places:
        same(result.figures(), scan.result.figures())


def other_name(case: Case) -> Layout:
    names = [name for name in draw.NAMES if name != case.layout.name]
    return replace(case.layout, name=names[case.number % len(names)])


def other_layout(case: Case, rng: random.Random) -> Layout:
    """Draw another layout of the same records, in another format if they have fields of
    the same names in it.
    """
    layout = case.layout
    alike = [layout.format]
    if layout.shape in layouts.FLAT:
        alike = ["jsonl", "parquet", "json"]
        # CSV has no nulls.
        alike += ["csv"] if all(map(any, case.texts)) else []
    other = draw.draw_layout(rng, rng.choice(alike), layout.shape)
    kept = {"depth": layout.depth, "early": layout.early, "before": layout.before}
    return replace(other, reverse=rng.random() < 0.5, **kept)


def the_layout_changes_nothing(scan: Scan) -> None:
    """Names, order, division into files, compression, archive and format."""
    # A sample of records is drawn by id. Without ids, the place decides.
    other = other_layout(scan.case, scan.rng()) if scan.case.whole else None
    written = scan.rewritten(other or other_name(scan.case))
    require_same(scan, scan.again(written.paths), written)


def the_execution_changes_nothing(scan: Scan) -> None:
    """Workers, parts, interruptions and the command line."""
    rng = scan.rng()
    changed: dict[str, Any] = {"by_command": rng.random() < 0.5}
    changed["stop_after"] = rng.choice((None, 1, 2, 3))
    # A sample of files is one of parts.
    if scan.case.options["sample"] != "files":
        changed |= {"workers": rng.choice((1, 2, 3)), "parts": rng.choice((None, 4000))}
    require_same(scan, scan.again(**changed), scan.written)


def evidence(scan: Scan, kind: str) -> list[dict[str, Any]]:
    """Return rows of a kind. Of tweets, only licensed ones: others could be control
    texts without a match, so that chance matches are rarer.
    """
    case, world = scan.case, scan.case.world
    if kind in ("control", "null"):
        return world.rows(kind)
    if kind == "dataset":
        texts = [t[-1] for t in case.texts[-60:] if t[-1] and case.scanned(len(t) - 1)]
        return draw.rows_of(texts)
    found = sorted({row.tweet for row in scan.result.findings})[:9]
    chosen: Callable[[Tweet], bool] = {
        "later": lambda tweet: tweet.posted >= draw.CUTOFF,
        "quoted": lambda tweet: tweet in world.quoted,
        "some": lambda tweet: tweet.key < "1060",
        "found": lambda tweet: tweet.key in found,
    }[kind]
    tweets = (each for tweets in case.licensed.values() for each in tweets)
    return [each.as_dict() for each in tweets if chosen(each)]


def more_evidence_of_chance_raises_nothing(scan: Scan) -> None:
    """More control texts, null records or known data raise neither "at least" nor the
    lower end of the estimate.
    """
    row, rng = scan.case.options, random.Random(scan.case.number)
    # Options that get rows beside those of their files, and kinds of rows.
    fitting = [("known", "found")]
    fitting += [("known", name) for name in ("control", "null") if row[name]]
    if row["control"]:
        kinds = ("control", "quoted", "some", "dataset", "found")
        fitting += [("control", kind) for kind in kinds]
    if row["cutoff"]:
        fitting.append(("control", "later"))
    fitting.append(("null", "found" if row["null"] else "null"))
    name, kind = rng.choice(fitting)
    added = evidence(scan, kind)
    for each in added:
        each["id"] = each["author"] = f"x{each['id']}"
    if added:
        before = scan.case.world.rows(name) if row[name] else []
        path = draw.write_rows(before + added, scan.new(".jsonl"))
        require_no_more(scan.again(**{name: path}), scan.result, "at_least", "low")


def require_no_more(after: Result, before: Result, *names: str) -> None:
    for unit in adapter.UNITS:
        was, now = before.bounds(unit), after.bounds(unit)
        for name in names:
            # A withheld number claims nothing.
            first, then = getattr(was, name) or 0, getattr(now, name) or 0
            most = first * (1 + 1e-6) + 1e-9
            assert then <= most, f"{name} of {unit} was {first} and is {then}"


def a_control_that_is_quoted_as_much_explains_all(scan: Scan) -> None:
    """There is no claim if more control texts than licensed ones are in the data."""
    world = scan.case.world
    quoted = [each.text for each in world.originals()[::4]]
    quoted += [each.text for n, each in enumerate(world.control) if n % 5 < 2]
    quotations = draw.write_rows(draw.rows_of(quoted), scan.new(".jsonl"))
    result = scan.again([quotations], outputs=False)
    assert not result.claims, f"{result.bounds('records')} are claimed of quotations"


def data_without_tweets_never_raises_at_least(scan: Scan) -> None:
    texts = [f"nobody tweeted {n} of these invented words" for n in range(30)]
    more = draw.write_rows(draw.rows_of(texts), scan.new(".jsonl"))
    # A part of all tweets needs the recall of test copies, which would stand in other
    # records; so there are none. The estimate corrects for the lengths of records.
    changes = {} if scan.case.options["fraction"] is None else {"planted": 0}
    before = scan.again(**changes) if changes else scan.result
    result = scan.again([*scan.written.paths, more], **changes)
    require_no_more(result, before, "at_least")
    same(result.rows, scan.result.rows, "rows")
    same(result.scanned, scan.result.scanned + len(texts), "records")


def repeated_files_count_again(scan: Scan) -> None:
    """Records of a copy of the files count again, but no text does; a file that is
    named twice is read once.
    """
    written = scan.rewritten(other_name(scan.case))
    paths = [*scan.written.paths, *written.paths, scan.written.paths[0]]
    before, after = scan.result, scan.again(paths)
    same(len(after.rows), 2 * len(before.rows), "rows")
    same(after.scanned, 2 * before.scanned, "records")
    for unit, times in (("records", 2), ("texts", 1), ("tweets", 1)):
        was, now = (each.bounds(unit).findings for each in (before, after))
        same(now, times * was, unit)


def tweets_indexed_twice_count_once(scan: Scan) -> None:
    tweets = [each.as_dict() for each in scan.case.world.tweets]
    index = scan.new()
    adapter.build_index(tweets[:100], index)
    adapter.build_index(tweets[60:] + tweets[:5], index, append=True)
    same(Counter(scan.again(index=index).rows), Counter(scan.result.rows))


def a_baseline_marks_what_is_new(scan: Scan) -> None:
    case = scan.case
    half = range(1, len(case.texts), 2)
    settings = case.settings()
    settings.pop("baseline", None)
    try:
        paths = scan.rewritten(case.layout, half).paths
        earlier = adapter.scan(paths, case.index, scan.new(), **settings)
    except adapter.NoText:
        return
    # Of several findings with the same text around them, any may be the new one.
    new, later = Counter[Any](), Counter[Any]()
    for row in scan.again(baseline=earlier.path).findings:
        key = row.tweet, row.start, scan.text(row)
        later[key] += scan.record(row) not in half
        new[key] += row.new
    same(new, later, "new findings of")
