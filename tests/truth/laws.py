"""The laws that results must obey.

A fact (:data:`FACTS`) is a law on one result. A change (:data:`CHANGES`) is a law on
two: something is changed in the case that must not change the result, or only in a
known way. :mod:`truth.handover` and :mod:`truth.clean` have more changes.
"""

from __future__ import annotations

import html
import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from truth import adapter, draw, layouts
from truth.adapter import Result, Row
from truth.draw import Case, Tweet
from truth.layouts import Layout, Written


@dataclass
class Scan:
    """A case with its files and the result of its scan."""

    case: Case
    folder: Path
    written: Written
    result: Result
    made: int = 0

    def __post_init__(self) -> None:
        self.numbers = {place: n for n, place in enumerate(self.written.places)}

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

    def text(self, row: Row) -> str:
        return self.case.fields(self.numbers[row.source, row.record])[row.field]


Law = Callable[[Scan], Iterator[str]]
FACTS: dict[str, Law] = {}
CHANGES: dict[str, tuple[Callable[[Case], bool], Law]] = {}


def fact(law: Law) -> Law:
    FACTS[law.__name__] = law
    return law


def change(
    applies: Callable[[Case], bool] = lambda case: True,
) -> Callable[[Law], Law]:
    def register(law: Law) -> Law:
        CHANGES[law.__name__] = applies, law
        return law

    return register


def whole(case: Case) -> bool:
    return case.options["sample"] is None


def by_id(case: Case) -> bool:
    return case.options["sample"] == "records"


def measured(case: Case) -> bool:
    return any(case.options[name] for name in ("cutoff", "control", "null"))


# Laws on one result.


@fact
def exact_copies_are_found(scan: Scan) -> Iterator[str]:
    """Every exact copy or quotation of 40 letters and more is found at its place."""
    case, found = scan.case, defaultdict(list)
    for row in scan.result.rows:
        found[row.source, row.record, row.field, row.tweet].append(row)
    drawn = {key[:2] for key in found}
    # Words of an answer that repeat its prompt are left out.
    asked = {(p.record, p.tweet) for p in case.places if not case.scanned(p.slot)}
    for place in case.places:
        source, number = scan.written.places[place.record]
        tweet = case.searched.get(place.tweet)
        if not place.exact or tweet is None or (place.record, place.tweet) in asked:
            continue
        if not whole(case) and (source, number) not in drawn:
            continue
        (a, b), (c, d) = place.starts, place.ends
        field = case.field(place.record, place.slot)
        rows = found[source, number, field, tweet]
        # A span that ends before a link is only nearly exact.
        levels = (adapter.EXACT,) if (a, c) == (b, d) else adapter.LITERAL
        if not any(
            a <= row.start <= b and c <= row.end <= d and row.level in levels
            for row in rows
        ):
            where = f"{source}:{number} {field} {a}-{d}"
            yield f"copy of {tweet} at {where} not found, only {rows}"


@fact
def nothing_else_is_found(scan: Scan) -> Iterator[str]:
    case, planted = scan.case, defaultdict(list)
    for place in case.places:
        if case.scanned(place.slot):
            field = case.field(place.record, place.slot)
            key = place.record, field, case.searched.get(place.tweet)
            planted[key].append((place.starts[0], place.ends[1]))
    ids = case.layout.shape != "one"
    for row in scan.result.rows:
        record = scan.numbers[row.source, row.record]
        spans = planted[record, row.field, row.tweet]
        if ids and row.record_id != f"r{record}":
            yield f"the id should be r{record}: {row}"
        if not any(row.start < end and start < row.end for start, end in spans):
            yield f"a match where nothing was planted: {row}"


@fact
def flags_are_true(scan: Scan) -> Iterator[str]:
    """Common, known and control texts are no findings, and the others are."""
    case, known_data = scan.case, scan.case.options["known"]
    for row in scan.result.rows:
        tweets = len(case.licensed.get(row.tweet, ()))
        control, common = case.is_control(row.tweet), row.tweet in case.common
        known = bool(known_data and tweets and row.tweet in case.world.known)
        literal = row.level in adapter.LITERAL
        if row.control != control or (tweets and row.common != common):
            yield f"control should be {control}, common {common}: {row}"
        elif literal and tweets and row.known != known:
            yield f"known should be {known}: {row}"
        elif row.finding and (control or common or (known and literal)):
            yield f"no finding: {row}"
        elif literal and not (control or common or known or row.finding):
            yield f"not a finding: {row}"
        elif tweets and row.tweets != tweets:
            yield f"{tweets} tweets have this text: {row}"


@fact
def every_record_is_counted(scan: Scan) -> Iterator[str]:
    """Scanned and left out are what is in the files, and totals are projected so."""
    result, case, count = scan.result, scan.case, len(scan.case.texts)
    empty = sum(not any(texts) for texts in case.texts)
    outputs, sample = case.options["outputs"], case.options["sample"]
    if sample != "files" and not outputs:
        for total in result.totals:
            if abs(total - count) > empty + 1e-6 * count:
                yield f"{count} records are {total}"
    if sample:
        share, noise = result.scanned / count, 2 / math.sqrt(count) + empty / count
        if sample == "records" and not outputs and abs(share - result.share) > noise:
            yield f"{share} of the records scanned, {result.share} said"
        return
    wanted = Counter(source for source, _ in scan.written.places)
    if result.read != wanted:
        yield f"records by source: {result.read}, written: {wanted}"
    if result.scanned + result.left_out != count:
        yield f"{result.scanned} scanned and {result.left_out} of {count}"
    if not outputs and result.left_out != empty:
        yield f"{empty} records are empty, left out: {result.left_out}"
    if result.incomplete:
        yield f"said to be left out: {result.incomplete}"


@fact
def counts_follow_from_rows(scan: Scan) -> Iterator[str]:
    yield from scan.result.contradictions()


@fact
def numbers_are_in_order(scan: Scan) -> Iterator[str]:
    result = scan.result
    for unit in ("records", "texts"):
        each = result.bounds(unit)
        low, value, high, least = each.low, each.value, each.high, each.at_least
        if value is not None and not low <= value <= high:
            yield f"{unit}: estimate out of its interval: {each}"
        partial = not whole(scan.case) or scan.case.options["fraction"]
        most = each.high if partial else each.findings
        if least is not None and not 0 <= least <= (most or least):
            yield f"{unit}: at least {least} of {each.findings} findings"
    if result.claims != bool(result.bounds("records").at_least):
        yield f"{result.claims} with {result.bounds('records')}"


@fact
def evidence_shows_the_passage(scan: Scan) -> Iterator[str]:
    """The passage is the text between start and end, and there is one per finding."""
    tweets = {each.key: each for each in scan.case.world.tweets}
    evidence, findings = scan.result.evidence, scan.result.findings
    for shown, row in zip(evidence, findings, strict=True):
        tweet, passage = tweets[row.tweet], scan.text(row)[row.start : row.end]
        if tuple(shown[name] for name in adapter.PLACE) != adapter.place(row):
            yield f"the evidence of {adapter.place(row)} is {shown}"
        hidden = "▒" in shown["passage"] and scan.case.options["outputs"]
        if shown["passage"] != passage and not hidden:
            yield f"the passage is {shown['passage']!r}, in the file {passage!r}"
        if shown["tweet"] != tweet.text:
            yield f"the tweet is {shown['tweet']!r}"
        core, found = (
            "".join(html.unescape(text).split())
            for text in (tweet.text[tweet.first : tweet.last], passage)
        )
        if row.level == adapter.EXACT and core not in found:
            yield f"{row} is no exact copy of {tweet.text!r}"


# Laws on two results.


def differences(scan: Scan, result: Result, written: Written) -> Iterator[str]:
    """Yield what differs in the results of the same records in two layouts."""
    before, after = (
        Counter(
            row._replace(source="", record=numbers[row[:2]], record_id=None)
            for row in each.rows
        )
        for each, numbers in (
            (scan.result, scan.numbers),
            (result, {place: n for n, place in enumerate(written.places)}),
        )
    )
    yield from lost_or_new(before, after)
    # Values that are no text are scanned in a field that has text in the first records
    # of its file, and these depend on how records are divided among files.
    if (
        scan.case.layout.shape not in layouts.LATE
        or scan.written.places == written.places
    ):
        yield from unequal(scan.result.figures(), result.figures())


def lost_or_new(before: Counter[Row], after: Counter[Row]) -> Iterator[str]:
    yield from (f"a row is missing: {row}" for row in before - after)
    yield from (f"a row is new: {row}" for row in after - before)


def unequal(before: Any, after: Any, key: str = "") -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys(), key=str):
            yield from unequal(before.get(name), after.get(name), f"{key}.{name}")
    elif before != after and not (
        isinstance(before, float)
        and isinstance(after, float)
        and math.isclose(before, after, rel_tol=1e-9)
    ):
        yield f"{key}: {str(before)[:200]} became {str(after)[:200]}"


def other_name(case: Case) -> Layout:
    names = [name for name in draw.NAMES if name != case.layout.name]
    return replace(case.layout, name=names[case.number % len(names)])


def other_layout(case: Case, rng: random.Random) -> Layout:
    """Draw another layout of the same records, in another format if they have fields of
    the same names in it.
    """
    layout = case.layout
    same = [layout.format]
    if layout.shape in layouts.FLAT:
        same = ["jsonl", "parquet", "json", "sqlite"]
        # CSV has no nulls.
        same += ["csv"] if all(map(any, case.texts)) else []
    other = draw.draw_layout(rng, rng.choice(same), layout.shape)
    kept = {"depth": layout.depth, "early": layout.early, "before": layout.before}
    return replace(other, reverse=rng.random() < 0.5, **kept)


@change(lambda case: whole(case) or (by_id(case) and case.layout.shape != "one"))
def the_layout_changes_nothing(scan: Scan) -> Iterator[str]:
    """Names, order, division into files, compression, archive and format."""
    case, rng = scan.case, random.Random(f"{scan.case.seed} {scan.case.number}")
    # A sample of records is drawn by id. Without ids, the place decides.
    other = other_layout(case, rng) if whole(case) else other_name(case)
    written = scan.rewritten(other)
    yield from differences(scan, scan.again(written.paths), written)


@change()
def the_execution_changes_nothing(scan: Scan) -> Iterator[str]:
    """Workers, parts, interruptions and the command line."""
    case, rng = scan.case, random.Random(f"{scan.case.seed} {scan.case.number}")
    changed: dict[str, Any] = {"by_command": rng.random() < 0.5}
    changed["stop_after"] = rng.choice((None, 1, 2, 3))
    # A sample of files is one of parts.
    if whole(case) or by_id(case):
        changed |= {"workers": rng.choice((1, 2, 3)), "parts": rng.choice((None, 4000))}
    yield from differences(scan, scan.again(**changed), scan.written)


def evidence(scan: Scan, kind: str) -> list[dict[str, Any]]:
    """Return rows of a kind. Of tweets, only licensed ones: others could be control
    texts without a match, so that chance matches are rarer.
    """
    case, world = scan.case, scan.case.world
    if kind in ("control", "null"):
        return world.rows(kind)
    if kind == "dataset":
        texts = [t[-1] for t in case.texts[-60:] if t[-1] and case.scanned(len(t) - 1)]
        return [{"id": f"t{n}", "text": text} for n, text in enumerate(texts)]
    found = sorted({row.tweet for row in scan.result.findings})[:9]
    chosen: Callable[[Tweet], bool] = {
        "later": lambda tweet: tweet.posted >= draw.CUTOFF,
        "quoted": lambda tweet: tweet in world.quoted,
        "some": lambda tweet: tweet.key < "1060",
        "found": lambda tweet: tweet.key in found,
    }[kind]
    tweets = (each for tweets in case.licensed.values() for each in tweets)
    return [each.as_dict() for each in tweets if chosen(each)]


@change(lambda case: measured(case) and whole(case))
def more_evidence_of_chance_raises_nothing(scan: Scan) -> Iterator[str]:
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
    if added := draw.again(evidence(scan, kind)):
        before = scan.case.world.rows(name) if row[name] else []
        path = draw.write_rows(before + added, scan.new(".jsonl"))
        yield from raised(scan.result, scan.again(**{name: path}))


def raised(
    before: Result, after: Result, names: tuple[str, ...] = ("at_least", "low")
) -> Iterator[str]:
    for unit in adapter.UNITS:
        was, now = before.bounds(unit), after.bounds(unit)
        for name in names:
            first, then = getattr(was, name), getattr(now, name)
            # A withheld number claims nothing.
            if then is not None and then > (first or 0) * (1 + 1e-6) + 1e-9:
                yield f"{name} of {unit} was {first} and is {then}"


@change(lambda case: whole(case) and case.options["control"])
def a_control_that_is_quoted_as_much_explains_all(scan: Scan) -> Iterator[str]:
    """There is no claim if more control texts than licensed ones are in the data."""
    world = scan.case.world
    quoted = [each.text for each in world.originals()[::4]]
    quoted += [each.text for n, each in enumerate(world.control) if n % 5 < 2]
    records = [{"id": f"q{n}", "text": text} for n, text in enumerate(quoted)]
    written = layouts.write(records, Layout(), scan.new())
    result = scan.again(written.paths, outputs=False)
    if result.claims:
        yield f"{result.bounds('records')} are claimed of quotations"


@change(lambda case: measured(case) and whole(case))
def data_without_tweets_never_raises_at_least(scan: Scan) -> Iterator[str]:
    texts = (f"nobody tweeted {n} of these invented words" for n in range(30))
    records = [{"id": f"e{n}", "text": text} for n, text in enumerate(texts)]
    written = layouts.write(records, Layout(), scan.new())
    # A part of all tweets needs the recall of test copies, which would stand in other
    # records; so there are none. The estimate corrects for the lengths of records.
    changes = {} if scan.case.options["fraction"] is None else {"planted": 0}
    before = scan.again(**changes) if changes else scan.result
    result = scan.again([*scan.written.paths, *written.paths], **changes)
    yield from raised(before, result, ("at_least",))
    if result.rows != scan.result.rows:
        yield "rows changed"
    if result.scanned != scan.result.scanned + len(records):
        yield f"{scan.result.scanned} and {len(records)} are {result.scanned} records"


@change(whole)
def repeated_files_count_again(scan: Scan) -> Iterator[str]:
    """Records of a copy of the files count again, but no text does; a file that is
    named twice is read once.
    """
    written = scan.rewritten(other_name(scan.case))
    paths = [*scan.written.paths, *written.paths, scan.written.paths[0]]
    before, after = scan.result, scan.again(paths)
    numbers = {"rows": [len(each.rows) for each in (before, after)]}
    numbers["scanned"] = [before.scanned, after.scanned]
    for unit in ("records", "texts", "tweets"):
        numbers[unit] = [each.bounds(unit).findings for each in (before, after)]
    for name, (was, now) in numbers.items():
        if now != was * (1 if name in ("texts", "tweets") else 2):
            yield f"{was} {name} became {now}"


@change(lambda case: case.options["fraction"] is None)
def tweets_indexed_twice_count_once(scan: Scan) -> Iterator[str]:
    tweets = [each.as_dict() for each in scan.case.world.tweets]
    index = scan.new()
    adapter.build_index(tweets[:100], index)
    adapter.build_index(tweets[60:] + tweets[:5], index, append=True)
    again = scan.again(index=index)
    yield from lost_or_new(Counter(scan.result.rows), Counter(again.rows))


@change(whole)
def a_baseline_marks_what_is_new(scan: Scan) -> Iterator[str]:
    case = scan.case
    half = range(1, len(case.texts), 2)
    settings = case.settings()
    settings.pop("baseline", None)
    try:
        paths = scan.rewritten(case.layout, half).paths
        earlier = adapter.scan(paths, case.index, scan.new(), **settings)
    except adapter.NoText:
        return
    result = scan.again(baseline=earlier.path)
    # Of several findings with the same text around them, any may be the new one.
    counts: dict[str, Counter[Any]] = defaultdict(Counter)
    for row in result.findings:
        key = row.tweet, row.start, scan.text(row)
        place = scan.numbers[row.source, row.record]
        counts["earlier" if place in half else "later"][key] += 1
        counts["new"][key] += adapter.place(row) in result.new
    for key, number in counts["new"].items():
        if number != counts["later"][key]:
            yield f"{number} new, {counts['later'][key]} in later records: {key}"
