"""How many more copies of licensed texts with markup are found with a canonical hook?

    python benchmarks/canonical_hook.py [--pages FILE] [--background FILE]
        [--copies 2000]

The licensed texts are paragraphs of manual pages with their troff markup. Copies of
them are planted without markup, as a reader sees them, in other texts. Two indexes,
with and without a hook that blanks the markup, scan the same records. The table shows
the share of the copies that were found and that became findings, the findings in
records without a copy, and the seconds of building and scanning. Takes about a minute.

``--pages`` is a file of JSON lines with the source of a manual page as ``text``, of
which paragraphs of 60 to 400 characters are used; ``--background`` is a file of JSON
lines of other texts. Without them, the command uses synthetic words, half of them set
in bold, and synthetic tweets.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import synthetic
from measure import command_line, console, machine, table
from planted import rows_of, short_texts

import provscan

# Font changes and other escapes of troff, and requests at the beginning of a line.
MARKUP = re.compile(r"\\f[BIRP]|\\f\([A-Z]{2}|\\[-/,&|^]|^\.[A-Za-z]{1,3}\b.?", re.M)


def rendered_as_blanks(text: str) -> str:
    """Blank the markup of a manual page."""
    return MARKUP.sub(lambda found: " " * len(found[0]), text)


def synthetic_pages(paragraphs: int, rng: random.Random) -> Iterator[str]:
    """Yield pages of ten synthetic paragraphs with half of their words in bold."""
    words = " ".join(synthetic.documents(400_000, seed=3)).split()
    for _ in range(0, paragraphs, 10):
        chosen = [rng.choices(words, k=rng.randint(12, 30)) for _ in range(10)]
        yield "\n.PP\n".join(
            " ".join(rf"\fB{w}\fP" if rng.random() < 0.5 else w for w in paragraph)
            for paragraph in chosen
        )


def shown(paragraph: str) -> str:
    """Return a paragraph as a reader sees it."""
    text = re.sub(r"\\-", "-", paragraph)
    return " ".join(MARKUP.sub("", text).split())


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument(
        "--pages",
        type=Path,
        help="JSON lines of manual pages; synthetic ones by default",
    )
    parser.add_argument(
        "--background",
        type=Path,
        help="JSON lines of other texts; synthetic ones by default",
    )
    parser.add_argument("--copies", type=int, default=2000, help="number of copies")
    arguments = parser.parse_args()
    rng = random.Random(1)
    pages = (
        (page.text for page in rows_of(arguments.pages))
        if arguments.pages
        else synthetic_pages(5 * arguments.copies, random.Random(2))
    )
    background = (
        [row.text for row in rows_of(arguments.background)]
        if arguments.background
        else short_texts(None, 2 * arguments.copies)
    )
    paragraphs = [
        paragraph
        for text in pages
        for paragraph in re.split(r"^\.(?:PP|TP|SH.*|br) *$", text, flags=re.M)
        if 60 <= len(shown(paragraph)) <= 400
    ]
    paragraphs = list(dict.fromkeys(paragraphs))
    chosen = rng.sample(range(len(paragraphs)), arguments.copies)
    others = rng.sample([text[:600] for text in background], 2 * arguments.copies)
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
        "Copies without markup",
        "index",
        "copies found",
        "copies that are findings",
        "findings in other records",
        "build, s",
        "scan, s",
    )
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
