"""An index that holds a random part of the licensed tweets: what that means for what is
in records, and for records.
"""

from __future__ import annotations

import numpy as np

from provscan.arrays import Flags, Floats, Numbers
from provscan.estimate.limits import Factor, held_by
from provscan.runs.matched import Matched, Sum


def held(
    matched: Matched, texts: Flags, found: Sum, fraction: float
) -> dict[str, Factor]:
    """Records and texts that there are, over as many as there were if each had one
    tweet; of matches that count.
    """
    of_texts = _showing(matched.tweets[found.copies > 0])
    return {
        name: held_by(of, fraction)
        for name, of in (("records", _records(matched, texts)), ("texts", of_texts))
    }


def of_a_text(found: Sum) -> float:
    """Mean number of records that are found or not with a text of theirs; the text in
    most records counts once more.
    """
    copies = found.copies.astype(np.float64)
    return (
        float((copies @ copies + copies.max() ** 2) / copies.sum())
        if found.texts
        else 1.0
    )


def _records(matched: Matched, texts: Flags) -> Numbers:
    """How many records have matches of 0, 1, 2 and more tweets with some of the texts
    that count.
    """
    result, begun = np.zeros(4, np.int64), np.zeros((0, 2), np.int64)
    for batch in matched.batches():
        new = np.column_stack([batch.record, batch.place])[
            batch.counted & texts[batch.place]
        ]
        pairs = np.unique(np.concatenate([begun, new]), axis=0)
        # The last record may go on in the next batch.
        last = pairs[:, 0] == pairs[:, 0].max(initial=-1)
        result += _showing(_of_records(pairs[~last], matched.tweets))
        begun = pairs[last]
    return result + _showing(_of_records(begun, matched.tweets))


def _of_records(pairs: Numbers, tweets: Floats) -> Floats:
    record = np.unique(pairs[:, 0], return_inverse=True)[1].reshape(-1)
    return np.bincount(record, tweets[pairs[:, 1]]).astype(np.float64)


def _showing(things: Floats) -> Numbers:
    return np.bincount(np.minimum(things, 3).astype(np.int64), minlength=4).astype(
        np.int64
    )
