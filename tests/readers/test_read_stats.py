"""Test that the counts of readers add up."""

import inspect
import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from provscan.readers import ReadStats
from provscan.readers.texts.garbled import GARBLINGS

REASONS = st.sampled_from(["bad_json", "no_text"])
EVENTS = st.lists(
    st.tuples(st.sampled_from(["skip", "repair", "note"]), REASONS), max_size=40
)


@given(
    EVENTS,
    st.lists(st.integers(0, 3), min_size=40, max_size=40),
    st.randoms(use_true_random=False),
)
def test_parts_add_up_to_the_whole_in_any_order(events, places, rng):
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
