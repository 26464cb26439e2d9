"""Do intervals contain the number of copies that were edited in the ways of a script?

    python benchmarks/intervals_by_script.py --world FOLDER [--runs 8]
        [--languages ja ko zh ar es]

For each language and run, 5,000 tweets of a file of ``--world`` (one file per language)
are indexed, 2,500 are the control, and 2,500 are the dataset, together with 150 copies
of licensed tweets that are long enough to be searched for, each with one of
:data:`EDITS`. These are written apart from the edits of the test copies. The table
shows how often a run gives an estimate, how often the interval contains 150, and how
often "at least" is right.

Needs real tweets as JSON lines (see ``README.md``). Takes about four seconds per run.
"""

from __future__ import annotations

import re
import tempfile
import unicodedata
from collections.abc import Callable
from pathlib import Path
from random import Random

from measure import command_line, console, machine, table
from planted import files, numbered, rows_of, write_jsonl

import provscan

INDEXED, OTHERS, COPIES = 5_000, 2_500, 150
Answer = tuple[float | None, dict[str, float] | None]
Edit = Callable[[str, Random], str]
_ARABIC = str.maketrans("يكةأإ", "یکهاا")
_WIDE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_HIRAGANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}


def exact(text: str, rng: Random) -> str:
    return text


def mistyped(text: str, rng: Random) -> str:
    """Swap two neighbours."""
    at = rng.randrange(max(1, len(text) - 1))
    return text[:at] + text[at : at + 2][::-1] + text[at + 2 :]


def cut(text: str, rng: Random) -> str:
    return text[: round(0.8 * len(text))]


def closed_up(text: str, rng: Random) -> str:
    """Remove all or half of the spaces."""
    share = rng.choice((0.5, 1.0))
    return "".join(c for c in text if c != " " or rng.random() >= share)


def hiragana(text: str, rng: Random) -> str:
    return text.translate(_HIRAGANA)


def unmarked(text: str, rng: Random) -> str:
    """Drop Arabic vowels, and write the letters of another keyboard."""
    kept = "".join(c for c in text if not "\u064b" <= c <= "\u0652")
    return kept.translate(_ARABIC)


def without_accents(text: str, rng: Random) -> str:
    split = unicodedata.normalize("NFD", text.lower())
    return "".join(c for c in split if unicodedata.category(c) != "Mn")


EDITS: dict[str, tuple[Edit, ...]] = {
    "ja": (exact, mistyped, cut, hiragana),
    "ko": (exact, mistyped, cut, closed_up),
    "ar": (exact, mistyped, cut, unmarked),
    "es": (exact, mistyped, cut, without_accents),
}


def units(text: str) -> int:
    """Return the length of a text as ``min_chars`` counts it."""
    canonical = provscan.canonical([text])[0]
    return len(canonical) + len(_WIDE.findall(canonical))


def run(texts: list[str], edits: tuple[Edit, ...], rng: Random, folder: Path) -> Answer:
    """Return what a run says about records with copies."""
    rng.shuffle(texts)
    licensed, control, data = (
        texts[low : low + size]
        for low, size in ((0, INDEXED), (INDEXED, OTHERS), (INDEXED + OTHERS, OTHERS))
    )
    long = [
        text for text in licensed if units(text) >= provscan.MatchParams().min_chars
    ]
    copies = [rng.choice(edits)(text, rng) for text in rng.sample(long, COPIES)]
    records = [*data, *copies]
    rng.shuffle(records)
    paths = {
        name: write_jsonl(folder / f"{name}.jsonl", numbered(each))
        for name, each in (("a", licensed), ("c", control), ("d", records))
    }
    index = provscan.build_index(paths["a"], folder / "a.index")
    found = provscan.match(paths["d"], index, folder / "d.run", control=[paths["c"]])
    answer = found.summary["answer"]["records"]
    return answer["at_least"], answer["estimate"]


def main() -> None:
    parser = command_line(__doc__, runs=(8, "runs per language"))
    parser.add_argument("--world", type=Path, required=True, metavar="FOLDER")
    parser.add_argument(
        "--languages", nargs="*", default=["ja", "ko", "zh", "ar", "es"]
    )
    args = parser.parse_args()
    console.print(machine())
    shown = table(
        f"{COPIES} copies", "language", "runs", "estimates", "right", "at least right"
    )
    for path in files(args.world):
        language = path.name.split(".")[0]
        if language not in args.languages:
            continue
        texts = [tweet.text for tweet in rows_of(path)]
        answers = []
        for seed in range(args.runs):
            with tempfile.TemporaryDirectory() as folder:
                edits = EDITS.get(language, (exact, mistyped, cut))
                rng = Random(f"{language} {seed}")
                answers.append(run(texts, edits, rng, Path(folder)))
        given = [estimate for _, estimate in answers if estimate]
        right = sum(each["low"] <= COPIES <= each["high"] for each in given)
        low = sum((least or 0.0) <= COPIES for least, _ in answers)
        shown.add_row(language, f"{args.runs}", f"{len(given)}", f"{right}", f"{low}")
    console.print(shown)


if __name__ == "__main__":
    main()
