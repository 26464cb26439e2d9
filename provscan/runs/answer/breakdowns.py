"""Count the findings of each source, author, year, language and script
(:func:`breakdowns`).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from provscan.arrays import Numbers
from provscan.estimate.counters import count_records
from provscan.runs.counting.counts import Grouping, count_groups
from provscan.runs.measures.analysis import Measured
from provscan.scoring.lengths import SCRIPTS

# Maximum number of authors: those with findings in the most records.
MOST_AUTHORS = 30

Breakdown = dict[str, dict[str, int]]


def breakdowns(measured: Measured) -> dict[str, Breakdown]:
    """Count the records and the licensed texts with findings of each source, author,
    year, language and script, most records first. Values without findings are left out.
    """
    known, script = measured.matches.authorship, measured.matches.scores.script
    authors = list(_by_text(measured, known.author.combine_chunks()).items())
    return {
        "source": _by_source(measured),
        "author": dict(authors[:MOST_AUTHORS]),
        "year": _by_text(measured, known.year.combine_chunks()),
        "lang": _by_text(measured, known.lang.combine_chunks()),
        "script": _by_text(measured, pa.array(SCRIPTS).take(pa.array(script))),
    }


def _by_source(measured: Measured) -> Breakdown:
    parts, rows = measured.scanned.parts, measured.matches.rows
    names = list(dict.fromkeys(part.source for part in parts))
    number = {name: n for n, name in enumerate(names)}
    source = np.array([number[part.source] for part in parts], np.int64)
    found = rows.passes_rule & ~measured.matches.control[rows.text_index]
    of_match = source[rows.split[found]]
    return _counted(
        names,
        count_records(of_match, rows.record[found], len(names)),
        count_records(of_match, rows.text_index[found], len(names)),
    )


def _by_text(measured: Measured, values: pa.Array) -> Breakdown:
    """Count the findings by ``values``, one for each text."""
    coded = values.dictionary_encode()
    names = list(map(str, coded.dictionary.to_pylist()))
    code = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    code = np.where(measured.matches.control, -1, code)
    (records,) = count_groups(measured.matches, [Grouping(code, len(names))])
    of_text = code[(code >= 0) & measured.counts.by_text.found]
    return _counted(names, records, np.bincount(of_text, minlength=len(names)))


def _counted(names: list[str], records: Numbers, texts: Numbers) -> Breakdown:
    counts: Iterable[tuple[str, int, int]] = zip(
        names, records.tolist(), texts.tolist(), strict=True
    )
    most_first = sorted(counts, key=lambda each: (-each[1], each[0]))
    return {
        name: {"records": found, "texts": distinct}
        for name, found, distinct in most_first
        if found
    }
