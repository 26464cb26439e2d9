"""Turn the rows of a blind run into evidence: compare its passages with the texts of
the full index.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from provscan.api import Run
from provscan.blind.report import write_report
from provscan.blind.run import (
    FOUND,
    REVEALED_COSTS,
    REVEALED_WORDING,
    RunContents,
    answer,
    counts_of,
    headline,
    write_run,
)
from provscan.errors import InputError, UsageError
from provscan.index import IndexReader
from provscan.matching import Index, open_index
from provscan.matching.compare import compared
from provscan.matching.matches import LEVELS
from provscan.options import Source
from provscan.params import MatchParams, require_folder
from provscan.runs.evidence.tables import EVIDENCE, evidence_rows
from provscan.runs.folder import (
    EVIDENCE_FILE,
    MATCHES_FILE,
    PASSAGES_FILE,
    RUN_FILE,
    read_json,
    read_run,
)
from provscan.runs.inputs.licensed import OPEN_ALREADY
from provscan.runs.target import run_folder
from provscan.text_buffers import buffers


def reveal(
    run: Source,
    index: Index | Source,
    out: Source | None = None,
    *,
    threshold: float = MatchParams.threshold,
    min_containment: float = MatchParams.min_containment,
    overwrite: bool = False,
    without_segment: str | Sequence[str] | None = None,
) -> Run:
    """Turn the rows of a blind run into evidence, with the full index.

    Each passage is compared with the tweet that its row names. A row gets its true
    similarity and containment and the level that follows from them (never ``exact``,
    which a blind index can't tell from ``near_exact``). Rows that reach the thresholds
    are counted and have evidence.

    Parameters
    ----------
    run
        Folder of a blind run.
    index
        The full index, open or its folder.
    out
        Folder to write; by default ``run`` with ``.revealed.run`` in place of ``.run``.
    threshold, min_containment
        As for :func:`provscan.match`.
    overwrite
        Replace an existing run folder.
    without_segment
        Name of a damaged segment of the index to leave out, or several names. Rows that
        name a tweet in such a segment are not counted, like rows whose tweets are not
        in the index.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        There is no blind run, or it was changed.
    IndexFormatError
        There is no full index, or it is damaged.
    OutputError
        ``out`` exists, or can't be written.

    Examples
    --------
    >>> import provscan.blind
    >>> from pathlib import Path
    >>> tweets = [{"id": "1", "text": "the only tweet of this corpus, which somebody copied"}]
    >>> _ = Path("key").write_bytes(bytes(range(32)))
    >>> _ = provscan.blind.build_index(tweets, "blind.index", key="key")
    >>> run = provscan.blind.match(
    ...     [{"text": tweets[0]["text"].upper()}], "blind.index", "blind.run", key="key"
    ... )
    >>> full = provscan.build_index(tweets, "full.index")
    >>> provscan.blind.reveal(run.path, full, "revealed.run").evidence["tweet_id"].to_pylist()
    ['1']
    """  # noqa: E501
    require_folder("run", run)
    if out is not None:
        require_folder("out", out)
    params = MatchParams(threshold, min_containment)
    if isinstance(index, Index) and without_segment is not None:
        raise UsageError(OPEN_ALREADY)
    opened = (
        index
        if isinstance(index, Index)
        else open_index(index, without_segment=without_segment)
    )
    folder = Path(run)
    if out is None:
        named = folder if folder.name not in ("", "..") else folder.resolve()
        out = named.with_name(f"{named.name.removesuffix('.run')}.revealed.run")
    target = Path(out)
    contents = _revealed(folder, opened.reader, params)
    with run_folder(target, resume=False, overwrite=overwrite) as (_, files):
        summary, info = write_run(files, contents)
    write_report(target)
    return Run(target, summary, info)


def _revealed(run: Path, reader: IndexReader, params: MatchParams) -> RunContents:
    """Compare the passages of a run with the texts of the full index, and return the
    contents of the revealed run.
    """
    if not read_json(run / RUN_FILE).get("blind"):
        raise InputError(f"{run} is not a blind run: name the folder of one")
    summary, info = read_run(run, (MATCHES_FILE, EVIDENCE_FILE, PASSAGES_FILE))
    table = pq.read_table(run / PASSAGES_FILE, schema=FOUND)
    passages, ids = (table[name].combine_chunks() for name in ("passage", "tweet_id"))
    known, texts, level, similarity, containment = compared_with_tweets(
        passages, ids, reader
    )
    table = _with_values(table, known, level, similarity, containment)
    counted = np.zeros(len(table), np.bool_)
    counted[known] = (similarity >= params.threshold) & (
        containment >= params.min_containment
    )
    chosen = table.filter(pa.array(counted)).append_column(
        "text", pa.array(texts[counted[known]])
    )
    chosen = chosen.append_column("has_text", pa.array(np.ones(len(chosen), np.bool_)))
    evidence = (
        evidence_rows(chosen.to_batches(), reader)
        if len(chosen)
        else EVIDENCE.empty_table()
    )
    summary |= counts_of(table)
    summary["wording"] = REVEALED_WORDING
    summary["answer"] = answer(
        f"{headline(chosen)}, confirmed by the full index", REVEALED_COSTS
    )
    summary["blind"] = {
        "costs": list(REVEALED_COSTS),
        "revealed": {
            "rows": len(table),
            "confirmed": int(counted.sum()),
            "refuted": int(len(known) - counted.sum()),
            "unknown": int(len(table) - len(known)),
        },
    }
    summary["counted"]["matches"] = int(counted.sum())
    info["revealed_with"] = {
        "path": str(reader.path),
        "fingerprint": reader.fingerprint,
        "left_out": reader.left_out.as_dict(),
        "threshold": params.threshold,
        "min_containment": params.min_containment,
    }
    return RunContents(table, counted, evidence, summary, info)


def _with_values(
    table: pa.Table,
    rows: np.ndarray,
    level: np.ndarray,
    similarity: np.ndarray,
    containment: np.ndarray,
) -> pa.Table:
    """Return the matches with true values in some rows."""
    levels = np.array(table["level"].to_pylist(), object)
    columns = {
        "similarity": table["similarity"].to_numpy().copy(),
        "containment": table["containment"].to_numpy().copy(),
        "level": levels,
    }
    columns["similarity"][rows] = similarity
    columns["containment"][rows] = containment
    levels[rows] = np.array(LEVELS, object)[level]
    for name, values in columns.items():
        place, kind = table.schema.get_field_index(name), table.schema.field(name)
        table = table.set_column(place, kind, pa.array(values, kind.type))
    return table


def compared_with_tweets(
    passages: pa.LargeStringArray, ids: pa.Array, reader: IndexReader
) -> tuple[np.ndarray, ...]:
    """Compare passages with the tweets of the given ids.

    Return arrays with one entry for each id that the index has: its row, ascending, the
    number of the text, level, similarity and containment. If a tweet has several texts,
    the most similar one counts.
    """
    rows, texts = reader.texts_of_ids(ids)
    level, similarity, containment = compared(
        *buffers(passages.take(pa.array(rows))), texts, reader
    )
    order = np.lexsort((texts, -similarity, rows))
    best = order[np.flatnonzero(np.diff(rows[order], prepend=-1))]
    return tuple(
        column[best] for column in (rows, texts, level, similarity, containment)
    )
