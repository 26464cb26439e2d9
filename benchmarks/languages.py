"""How many copies are found in each language, if they are edited as its users edit
them, and how many records without copies have findings?

    python benchmarks/languages.py --world FOLDER [--part measured] [--languages ja ko]
        [--tweets 4000] [--copies 300] [--runs 0] [--seed 1]

The folder has one file of JSON lines per language (``ja.jsonl.zst``). The tweets of a
file are divided by the digest of their text into two parts: defaults are chosen on the
tweets of ``--part choice``, and measured on the others. Half of a part is indexed. From
these, copies are edited and matched alone (records) and inside a text of the other
half (documents). The other half has no copies: ``clean findings`` are its records with
findings, per thousand. ``matches`` counts a copy that is found at all; findings need
enough bits as well. Takes about a minute per language.

With ``--runs``, the last table shows whether intervals contain the true number: in each
run, half of all tweets of the file are indexed, a quarter is the control, and a quarter
is the dataset, together with copies of a random tenth of the indexed tweets of at least
25 units, each with one of the edits of the language. It also shows the reasons why
estimates were withheld. Takes four seconds per run.
"""

from __future__ import annotations

import re
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import NamedTuple

import pyarrow as pa
import xxhash
from edits import Edit
from edits_recall import found
from measure import command_line, console, machine, table
from planted import Tweet, numbered, rows_of, write_jsonl

import provscan
from provscan.text.variants import TO_HIRAGANA, han_variants

DOCUMENT = 2_000
LONG_ENOUGH = 25
_TOKEN = re.compile(r"https?://\S+|[@#]\w+")
_WIDE = re.compile("[\u1200-\u139f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_HAN = re.compile("[\u3400-\u9fff]{2,3}")
_TONES = re.compile("[\u0e48-\u0e4b]")
_ARABIC = re.compile("[\u0621-\u063a\u0641-\u064a]")
_ARABIC_MARKS = re.compile("[\u064b-\u0652\u0670\u0640]")


class Case(NamedTuple):
    """An edit of the copies of tweets of a given length, in units."""

    edit: Edit
    low: int = 40
    high: int = 1_000


def units(text: str) -> int:
    """Return the length of a text without links, names and hashtags: letters, digits
    and the spaces between words; wide characters count as two.
    """
    bare = " ".join(_TOKEN.sub(" ", text).split())
    letters = sum(unicodedata.category(c)[0] in "LNM" or c == " " for c in bare)
    return letters + len(_WIDE.findall(bare))


def exact(text: str, rng: Random) -> str:
    return text


def simplified(text: str, rng: Random) -> str:
    return text.translate(han_variants()["simplified"])


def traditional(text: str, rng: Random) -> str:
    return text.translate(han_variants()["traditional"])


def unspaced(text: str, rng: Random) -> str:
    return text.replace(" ", "")


def half_unspaced(text: str, rng: Random) -> str:
    return "".join(c for c in text if c != " " or rng.random() < 0.5)


def spaced(text: str, rng: Random) -> str:
    """Put a space between all characters, except in links and names."""
    parts = re.split(f"({_TOKEN.pattern})", text)
    return " ".join(
        part if i % 2 else " ".join(part.replace(" ", ""))
        for i, part in enumerate(parts)
    )


def some_spaced(text: str, rng: Random) -> str:
    """Put a space after one character in six."""
    return "".join(c + (" " if rng.random() < 1 / 6 else "") for c in text)


def hiragana(text: str, rng: Random) -> str:
    return text.translate(TO_HIRAGANA)


def _in_kana(count: int) -> Edit:
    def edit(text: str, rng: Random) -> str:
        """Replace words of Han characters with as many syllables as they usually have,
        two per character.
        """
        words = list(_HAN.finditer(text))
        if len(words) < count:
            return ""
        for word in sorted(rng.sample(words, count), key=lambda w: -w.start()):
            kana = "".join(
                chr(rng.randrange(0x304B, 0x308D)) for _ in range(2 * len(word[0]))
            )
            text = text[: word.start()] + kana + text[word.end() :]
        return text

    return edit


def vowel_marks(text: str, rng: Random) -> str:
    """Add a vowel mark after most Arabic letters, sometimes with a shadda."""
    return _ARABIC.sub(
        lambda m: (
            m[0]
            + ("\u0651" if rng.random() < 0.1 else "")
            + (rng.choice("\u064e\u064f\u0650\u0652") if rng.random() < 0.8 else "")
        ),
        text,
    )


def without_marks(text: str, rng: Random) -> str:
    return _ARABIC_MARKS.sub("", text)


def persian(text: str, rng: Random) -> str:
    return text.translate(str.maketrans("يىك", "ییک"))


def letter_forms(text: str, rng: Random) -> str:
    return text.translate(str.maketrans("أإآىة", "ااايه"))


def tatweel(text: str, rng: Random) -> str:
    """Lengthen five words."""
    places = [m.start() for m in _ARABIC.finditer(text)]
    for at in sorted(rng.sample(places, min(5, len(places))), reverse=True):
        text = text[: at + 1] + "\u0640" * rng.randrange(1, 5) + text[at + 1 :]
    return text


def without_tones(text: str, rng: Random) -> str:
    return _TONES.sub("", text)


def turkish_upper(text: str, rng: Random) -> str:
    return text.replace("i", "İ").replace("ı", "I").upper()


def turkish_lower(text: str, rng: Random) -> str:
    return text.replace("I", "ı").replace("İ", "i").lower()


def ascii_letters(text: str, rng: Random) -> str:
    """Write the letters that a keyboard without accents has."""
    plain = text.translate(str.maketrans("ıİđłøæœßɓɗƙƴƁƊƘƳəɛɔ", "iIdlooosbdkyBDKYeeo"))
    return "".join(
        c for c in unicodedata.normalize("NFD", plain) if not unicodedata.combining(c)
    )


def full_width(text: str, rng: Random) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def decomposed(text: str, rng: Random) -> str:
    return unicodedata.normalize("NFD", text)


def typing_error(text: str, rng: Random) -> str:
    """Swap two neighbours, leave out a character, or type another one."""
    letters = [i for i, c in enumerate(text[:-1]) if c.isalpha()]
    if not letters:
        return ""
    at = rng.choice(letters)
    other = rng.choice([c for c in text if c.isalpha()])
    return text[:at] + rng.choice(
        (
            text[at + 1] + text[at] + text[at + 2 :],
            text[at + 1 :],
            other + text[at + 1 :],
        )
    )


def respelled(text: str, rng: Random) -> str:
    """Spell one romanised word in three as another writer may."""
    rules = (("aa", "a"), ("ee", "i"), ("oo", "u"), ("h", ""), ("v", "w"), ("a", ""))
    words = text.split(" ")
    for i, word in enumerate(words):
        fit = [r for r in rules if r[0] in word[1:]]
        if fit and rng.random() < 0.35:
            words[i] = word[0] + word[1:].replace(*rng.choice(fit), 1)
    return " ".join(words)


SHORT_EXACT, TYPING = Case(exact, 15, 25), Case(typing_error, 25, 40)
EVERYWHERE = {
    "exact": Case(exact),
    "exact, 15 to 24 units": SHORT_EXACT,
    "a typing error, 25 to 39 units": TYPING,
    "a typing error": Case(typing_error),
    "decomposed": Case(decomposed),
}
SPACING = {
    "all spaces removed": Case(unspaced),
    "half of the spaces removed": Case(half_unspaced),
    "spaces added": Case(some_spaced),
    "each character spaced": Case(spaced),
    "full width": Case(full_width),
}
ACCENTS = {"without accents": Case(ascii_letters)}
EDITS: dict[str, dict[str, Case]] = {
    "zh": {
        "simplified": Case(simplified),
        "traditional": Case(traditional),
        **SPACING,
    },
    "ja": {
        "one word in kana": Case(_in_kana(1)),
        "two words in kana": Case(_in_kana(2)),
        "katakana as hiragana": Case(hiragana),
        **SPACING,
    },
    "ko": SPACING,
    "th": {"without tone marks": Case(without_tones), **SPACING},
    "am": SPACING,
    "ar": {
        "vowel marks added": Case(vowel_marks),
        "marks and tatweel removed": Case(without_marks),
        "Persian letters": Case(persian),
        "letter forms": Case(letter_forms),
        "tatweel added": Case(tatweel),
    },
    "tr": {
        "upper case": Case(turkish_upper),
        "lower case": Case(turkish_lower),
        **ACCENTS,
    },
    "hinglish": {"respelled, 40 to 59 units": Case(respelled, 40, 60)},
}


def parts(path: Path, part: str) -> tuple[list[Tweet], list[Tweet]]:
    """Return the tweets of a part to index, and those without copies."""
    seen: set[str] = set()
    halves: tuple[list[Tweet], list[Tweet]] = ([], [])
    for tweet in rows_of(path):
        digest = xxhash.xxh64_intdigest(tweet.text.encode())
        [key] = provscan.canonical([tweet.text])
        if (digest & 1 == 1) == (part == "measured") and key and key not in seen:
            seen.add(key)
            halves[digest >> 1 & 1].append(tweet)
    return halves


def copies_of(
    tweets: list[Tweet], case: Case, rng: Random
) -> Iterator[tuple[Tweet, str]]:
    for tweet in tweets:
        if case.low <= units(tweet.text) < case.high:
            copy = case.edit(tweet.text, rng)
            if copy:
                yield tweet, copy


def document(copy: str, texts: list[str], rng: Random) -> str:
    """Put a copy between other texts. They are whole: inside a text that resembles a
    licensed one, the copy would be a part of that match.
    """
    sides = []
    for _ in range(2):
        at = rng.randrange(len(texts))
        side = ""
        while len(side) < DOCUMENT // 2:
            side += f" {texts[at]}"
            at = (at + 1) % len(texts)
        sides.append(side)
    return f"{sides[0]}\n{copy}\n{sides[1]}"


def clean_findings(index: provscan.Index, texts: list[str]) -> tuple[float, float]:
    """Return the records with matches and with findings, per thousand texts."""
    matches = index.match(pa.array(texts, pa.large_string()))
    records = [
        set(rows["record"].to_pylist())
        for rows in (matches, matches.filter(matches["counted"]))
    ]
    return 1000 * len(records[0]) / len(texts), 1000 * len(records[1]) / len(texts)


def interval(
    texts: list[str], edits: list[Edit], rng: Random, folder: Path
) -> tuple[bool, bool, bool, str]:
    """Make a run with copies, and return whether it gives an estimate, whether the
    interval contains the number of copies, whether "at least" is right, and the reason
    why the estimate is withheld.
    """
    rng.shuffle(texts)
    quarter = len(texts) // 4
    indexed, control, data = (
        texts[low * quarter : high * quarter] for low, high in ((0, 2), (2, 3), (3, 4))
    )
    long = [text for text in indexed if units(text) >= LONG_ENOUGH]
    edited = [rng.choice(edits)(t, rng) for t in rng.sample(long, len(long) // 10)]
    copies = [copy for copy in edited if copy]
    records = [*data, *copies]
    rng.shuffle(records)
    index, others, dataset = (
        write_jsonl(folder / f"{name}.jsonl", numbered(each))
        for name, each in (("index", indexed), ("control", control), ("data", records))
    )
    provscan.build_index(index, folder / "index")
    run = provscan.match(dataset, folder / "index", folder / "run", control=[others])
    answer = run.summary["answer"]
    estimate = answer["records"]["estimate"]
    least = answer["records"]["at_least"] or 0.0
    right = bool(estimate) and estimate["low"] <= len(copies) <= estimate["high"]
    reason = answer["withheld"].get("records.estimate", "")
    return bool(estimate), right, least <= len(copies), reason


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--world", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--part", choices=("choice", "measured"), default="measured")
    parser.add_argument("--languages", nargs="+", metavar="CODE")
    parser.add_argument("--tweets", type=int, default=4_000)
    parser.add_argument("--copies", type=int, default=300)
    parser.add_argument("--runs", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    console.print(machine())
    result = table(
        f"Copies found, {arguments.part} tweets",
        "language",
        "edit",
        "copies",
        "records",
        "documents",
    )
    clean = table(
        "Records without copies", "language", "records", "matches", "findings"
    )
    intervals = table(
        "Intervals", "language", "runs", "estimates", "right", "at least right"
    )
    withheld = table("Withheld estimates", "reason", "language", "runs")
    for path in sorted(arguments.world.glob("*.jsonl*")):
        language = path.name.split(".")[0]
        if arguments.languages and language not in arguments.languages:
            continue
        tweets, others = (t[: arguments.tweets] for t in parts(path, arguments.part))
        texts = [t.text for t in others]
        with tempfile.TemporaryDirectory() as folder:
            corpus = write_jsonl(Path(folder, "corpus.jsonl"), tweets)
            provscan.build_index(corpus, Path(folder, "index"))
            index = provscan.open_index(Path(folder, "index"))
            for name, case in (EVERYWHERE | EDITS.get(language, ACCENTS)).items():
                rng = Random(f"{name} {arguments.seed}")
                drawn = rng.sample(tweets, len(tweets))
                pairs = list(islice(copies_of(drawn, case, rng), arguments.copies))
                if not pairs:
                    continue
                chosen, copies = map(list, zip(*pairs, strict=True))
                documents = [document(copy, texts, rng) for copy in copies]
                shares = (found(index, chosen, each) for each in (copies, documents))
                result.add_row(
                    language, name, f"{len(chosen)}", *(f"{s:.3f}" for s in shares)
                )
            clean.add_row(
                language,
                f"{len(texts):,}",
                *(f"{each:.1f}" for each in clean_findings(index, texts)),
            )
        texts = [tweet.text for tweet in rows_of(path)]
        edits = [c.edit for c in (EVERYWHERE | EDITS.get(language, ACCENTS)).values()]
        results = []
        for run in range(arguments.runs):
            with tempfile.TemporaryDirectory() as folder:
                rng = Random(f"{language} {arguments.seed} {run}")
                results.append(interval(texts, edits, rng, Path(folder)))
        counts = map(sum, zip(*(each[:3] for each in results), strict=True))
        intervals.add_row(language, f"{len(results)}", *map(str, counts))
        for reason, runs in Counter(each[3] for each in results if each[3]).items():
            withheld.add_row(reason, language, f"{runs}")
    console.print(result)
    console.print(clean)
    if arguments.runs:
        console.print(intervals)
        console.print(withheld)


if __name__ == "__main__":
    main()
