"""Test that the counts of readers add up."""

import inspect
import json
import random
import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from provscan.readers import Damage, ReadStats
from provscan.readers.texts.garbled import GARBLINGS

REASONS = st.sampled_from(["bad_json", "no_text"])
EVENTS = st.lists(
    st.tuples(st.sampled_from(["skip", "repair", "note"]), REASONS), max_size=40
)


def test_as_dict_is_json_and_can_be_read_back():
    stats = ReadStats(records=3, characters=10, bytes=20)
    stats.for_source("b.jsonl").skip("no_text", 7, "x" * 500)
    stats.for_source("a.jsonl").skip("bad_json", 1, "why")
    stats.for_source("a.jsonl").repair("invalid_utf8", 2)
    stats.for_source("c.jsonl").note("empty_file")
    stats.damaged.append(Damage("d.gz", 5, "truncated gzip file"))
    stats.describe({"text": "scanned"})
    stats.describe({"text": "scanned"})
    values = json.loads(json.dumps(stats.as_dict()))
    assert values == {
        "records": 3,
        "characters": 10,
        "bytes": 20,
        "skipped": {"bad_json": 1, "no_text": 1},
        "repaired": {"invalid_utf8": 1},
        "notes": {"empty_file": 1},
        "examples": {
            "bad_json": [{"source": "a.jsonl", "record": 1, "detail": "why"}],
            "empty_file": [{"source": "c.jsonl", "record": 0, "detail": ""}],
            "invalid_utf8": [{"source": "a.jsonl", "record": 2, "detail": ""}],
            "no_text": [{"source": "b.jsonl", "record": 7, "detail": "x" * 200}],
        },
        "damaged": [{"source": "d.gz", "records": 5, "reason": "truncated gzip file"}],
        "fields": {"text": {"scanned": 2}},
    }
    assert ReadStats.from_dict(values).as_dict() == values


@given(
    EVENTS,
    st.lists(st.integers(0, 3), min_size=40, max_size=40),
    st.randoms(use_true_random=False),
)
def test_parts_add_up_to_the_whole_in_any_order(events, places, rng: random.Random):
    whole = ReadStats()
    parts = [ReadStats() for _ in range(4)]
    # A part is a range of one source, so its events are consecutive.
    for number, ((method, reason), part) in enumerate(
        zip(events, sorted(places), strict=False)
    ):
        for stats in (whole, parts[part]):
            stats.records += 1
            getattr(stats.for_source("source"), method)(reason, number, "detail")
    rng.shuffle(parts)
    total = ReadStats()
    for part in parts:
        total.merge(part)
    assert total.as_dict() == whole.as_dict()


def test_texts_with_letters_written_as_escapes_are_counted(
    write, read_all, read_tweet_rows
):
    texts = [
        "a sound text, schön",
        r"\u0432\u0447\u0435\u0440\u0430 it was",
        r"so \u00e9 is \ud83d\ude02 alone",
    ]
    path = write(
        "a.jsonl", [{"id": str(n), "text": text} for n, text in enumerate(texts)]
    )
    for stats in (read_all(path).stats, read_tweet_rows(path).stats):
        assert stats.notes == {"escaped": 1}
        assert stats.examples["escaped"] == [(path, 1, texts[1])]


def test_texts_decoded_with_a_wrong_encoding_are_counted(
    write, read_all, read_tweet_rows
):
    texts = [
        "a sound text, schön and good",
        "it was schön before".encode().decode("latin-1"),
        "it’s".encode().decode("cp1252"),
    ]
    path = write(
        "a.jsonl", [{"id": str(n), "text": text} for n, text in enumerate(texts)]
    )
    for stats in (read_all(path).stats, read_tweet_rows(path).stats):
        assert stats.notes["wrongly_decoded"] == 2
        assert stats.examples["wrongly_decoded"] == [(path, 1, texts[1])]


def test_every_reason_of_a_count_is_documented():
    """The comments of ReadStats list all reasons that the readers count."""
    room = Path(inspect.getfile(ReadStats)).parent
    files = {path: path.read_text() for path in room.rglob("*.py")}
    classes = re.search(
        r"class ReadStats:.*?\n    def ", files.pop(room / "stats.py"), re.S
    )
    documented = set(re.findall(r"``([a-z0-9_]+)``", classes[0]))
    code = "\n".join(files.values())
    counted = re.findall(r'\b(?:skip|note|repair|Problem)\(\s*"([a-z0-9_]+)"', code)
    assert documented >= set(counted) | {part for way in GARBLINGS for part in way[:2]}
    assert {name for name in documented if f'"{name}"' not in code} == set()
