"""Test the passage and context of a match, including in texts that are scanned in
blocks.
"""

from functools import partial

import provscan
from provscan.matching.matches import CONTEXT, matches_in, passages
from provscan.matching.scan import scan_texts
from provscan.params import MatchParams
from provscan.readers import Fields, ReadStats, read
from provscan.readers.planning import plan

TWEET = "Ten minutes before closing time trains beat planes on every day but this one"


def test_passages_of_a_text(tmp_path):
    index = provscan.build_index([{"id": "1", "text": TWEET}], tmp_path / "a.index")
    filler = " ".join(f"wörd{number}" for number in range(150))
    text = f"{filler} {TWEET} {filler} {TWEET} {filler}"
    path = tmp_path / "a.txt"
    path.write_text(text, encoding="utf-8")
    (split,) = plan([str(path)], Fields(), records="lines")
    batches = list(read(split, Fields(), ReadStats()))
    found = []
    for batch in batches:
        matches = matches_in(
            batch, partial(scan_texts, reader=index.reader, params=MatchParams())
        )
        before, passage, after = (
            column.to_pylist() for column in passages(batch, matches)
        )
        found += zip(matches.span.tolist(), before, passage, after, strict=True)
    places = (len(filler) + 1, 2 * len(filler) + len(TWEET) + 3)
    assert [span for span, *_ in found] == [
        [place, place + len(TWEET)] for place in places
    ]
    for (start, end), before, passage, after in found:
        assert passage == TWEET
        assert text[:start].endswith(before)
        assert text[end:].startswith(after)
        assert min(len(before), len(after)) >= min(CONTEXT, 100)
