"""How many more copies of text that is no tweet does a hook find?

    python benchmarks/canonical_hook.py --pages FILE --background FILE [--copies 2000]

``--pages`` are JSON lines of manual pages with their markup (``text``), the licensed
texts: their paragraphs of 60 to 400 characters. Copies are planted as a reader sees
them, without markup, in records of ``--background``, texts of another kind. The index
is built with and without a hook that blanks the markup. The table shows the share of
the copies that were found and that became findings, and the findings in the records
without a copy. Both indexes scan the same records.
"""

from __future__ import annotations

import argparse
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import pyarrow as pa
from measure import console, machine, table

import provscan

# Font changes and other escapes of troff, and the requests at the beginning of a line.
MARKUP = re.compile(r"\\f[BIRP]|\\f\([A-Z]{2}|\\[-/,&|^]|^\.[A-Za-z]{1,3}\b.?", re.M)


def rendered_as_blanks(text: str) -> str:
    """Blank the markup of a manual page."""
    return MARKUP.sub(lambda found: " " * len(found[0]), text)


def texts_of(path: Path) -> Iterator[str]:
    with pa.input_stream(str(path)) as stream:
        for line in stream.read().splitlines():
            yield orjson.loads(line)["text"]


def shown(paragraph: str) -> str:
    """Return a paragraph as a reader sees it."""
    text = re.sub(r"\\-", "-", paragraph)
    return " ".join(MARKUP.sub("", text).split())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=Path, required=True)
    parser.add_argument("--background", type=Path, required=True)
    parser.add_argument("--copies", type=int, default=2000)
    arguments = parser.parse_args()
    rng = random.Random(1)
    paragraphs = [
        paragraph
        for text in texts_of(arguments.pages)
        for paragraph in re.split(r"^\.(?:PP|TP|SH.*|br) *$", text, flags=re.M)
        if 60 <= len(shown(paragraph)) <= 400
    ]
    paragraphs = list(dict.fromkeys(paragraphs))
    chosen = rng.sample(range(len(paragraphs)), arguments.copies)
    others = [text[:600] for text in texts_of(arguments.background)]
    others = rng.sample(others, 2 * arguments.copies)
    records, truth = [], {}
    for number, text in enumerate(others):
        if number < arguments.copies:
            truth[number] = str(chosen[number])
            half = len(text) // 2
            text = f"{text[:half]} {shown(paragraphs[chosen[number]])} {text[half:]}"
        records.append({"text": text})
    tweets = [{"id": str(n), "text": text} for n, text in enumerate(paragraphs)]
    marked = sum(bool(MARKUP.search(paragraphs[n])) for n in chosen)
    console.print(machine())
    console.print(
        f"{len(paragraphs):,} paragraphs, {arguments.copies:,} of them planted, of "
        f"which {marked:,} have markup; {len(records):,} records\n"
    )
    rows = table(
        "Copies without markup", "", "found", "findings", "other findings", "build, s",
        "scan, s",
    )  # fmt: skip
    with TemporaryDirectory() as name:
        for what, hook in (("no hook", None), ("hook", rendered_as_blanks)):
            begun = time.perf_counter()
            index = provscan.build_index(
                tweets, Path(name, f"{what}.index"), canonical=hook
            )
            built = time.perf_counter()
            found = index.match(record["text"] for record in records)
            scanned = time.perf_counter()
            pairs = found.select(["record", "tweet_id", "counted"]).to_pylist()
            hits = {
                r["record"] for r in pairs if truth.get(r["record"]) == r["tweet_id"]
            }
            counted = {r["record"] for r in pairs if r["counted"]}
            planted = len(truth)
            rows.add_row(
                what,
                f"{len(hits) / planted:.1%}",
                f"{len(counted & truth.keys()) / planted:.1%}",
                f"{len(counted - truth.keys()):,}",
                f"{built - begun:.1f}",
                f"{scanned - built:.1f}",
            )
    console.print(rows)


if __name__ == "__main__":
    main()
