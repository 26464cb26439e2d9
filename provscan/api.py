"""The public functions :func:`match` and :func:`open_run`, and the :class:`Run` that
they return.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from provscan.engine import Progress, logged
from provscan.errors import GateError, UsageError
from provscan.keywords import given_options, with_options
from provscan.matching import Index
from provscan.options import MatchOptions
from provscan.params import require_folder, require_number
from provscan.readers import Source, source_list
from provscan.report.document import write_report
from provscan.report.files import RunFiles
from provscan.report.plots import Plots
from provscan.report.tables import run_html
from provscan.runs.folder import MATCHES_FILE, read_run, require_unchanged
from provscan.runs.inputs.plan import Sources
from provscan.runs.match import run_match
from provscan.runs.questions.repeated import is_repeated
from provscan.temporary import remove_with, removed_on_error

if TYPE_CHECKING:
    import pandas as pd


class Rows(NamedTuple):
    """Rows of a run, and how many records they are in."""

    matches: pa.Table
    records: int


@dataclass(frozen=True, repr=False)
class Run:
    """A run, which is stored in a folder.

    Attributes
    ----------
    path
        The folder.
    summary
        The results (``summary.json``).
    info
        Parameters, versions, inputs, index, timings, and the command that repeats the
        run (``run.json``).

    Examples
    --------
    >>> import provscan
    >>> index = provscan.build_index(
    ...     [{"id": "1", "text": "Never trust a goat near the harbour"}], "goats.index"
    ... )
    >>> run = provscan.match(
    ...     [{"text": "Never trust a goat near the harbour"}], index, "goats.run"
    ... )
    >>> run.summary["records_matched"], run.matches["level"].to_pylist()
    (1, ['exact'])
    """

    path: Path
    summary: dict[str, Any]
    info: dict[str, Any]

    @cached_property
    def matches(self) -> pa.Table:
        """``matches.parquet``, with one row for each match. The run must be
        unchanged.
        """
        require_unchanged(self.path, self.info, [MATCHES_FILE])
        return pq.read_table(self.path / MATCHES_FILE)

    @property
    def findings(self) -> pa.Table:
        """The matches that are findings, each with its passage and its tweet."""
        return self.matches.filter(pc.field("counted"))

    @property
    def plot(self) -> Plots:
        """Figures drawn with matplotlib: ``plot.answer()`` or ``plot()``,
        ``plot.recall()``, ``plot.bits()``, ``plot.similarity()`` and
        ``plot.by("year")``.
        """
        return Plots(self.path)

    def at(self, *, min_bits: float) -> Rows:
        """Return the matches that would be findings with another minimum of bits, for
        records and passages alike, without another scan.

        Chance and recall were measured for the rule of the run alone, so there is
        neither a bound nor a status for these rows.

        Parameters
        ----------
        min_bits
            Minimum rarity of the wording. Matches whose rarity is unknown are in both
            or neither; common and known wording is never a finding.

        Returns
        -------
        Rows
            ``matches``, the rows of ``matches.parquet``, and ``records``, the number of
            different records that have them.
        """
        require_number("min_bits", min_bits)
        rows = self.matches
        left_out = pc.or_(pc.or_(rows["control"], rows["common"]), rows["known"])
        kept = pc.coalesce(pc.greater_equal(rows["bits"], min_bits), rows["counted"])
        rows = rows.filter(pc.and_not(kept, left_out))
        records = rows.group_by(["source", "record"]).aggregate([])
        return Rows(rows, len(records))

    def to_pandas(self, *, all: bool = False) -> pd.DataFrame:
        """Return the findings in the order of the report, one per row, with passage and
        tweet if the run keeps them.

        Parameters
        ----------
        all
            Add the matches of common or known wording after the findings.

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        UsageError
            pandas is not installed.
        """
        files = RunFiles.open(self.path)
        exhibits = files.with_texts(files.listed(everything=all))
        numbers = pa.array(range(1, len(exhibits) + 1), pa.int64())
        try:
            return exhibits.add_column(0, "exhibit", numbers).to_pandas()
        except ImportError:
            raise UsageError(
                "pandas is not installed, so there is no data frame: pip install "
                "'provscan[notebook]'"
            ) from None

    def __fspath__(self) -> str:
        """Return the folder, so that a run can be used in place of its path."""
        return os.fspath(self.path)

    def __repr__(self) -> str:
        return f"<provscan.Run {self.path}: {self.summary['answer']['headline']}>"

    def _repr_html_(self) -> str:
        return run_html(self.summary, str(self.path))


def open_run(path: Source) -> Run:
    """Open a run folder.

    Parameters
    ----------
    path
        The folder.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        There is no run in the folder, or it is incomplete.

    Examples
    --------
    >>> import provscan
    >>> index = provscan.build_index(
    ...     [{"id": "1", "text": "the only tweet there is in this corpus"}], "one.index"
    ... )
    >>> _ = provscan.match(
    ...     [{"text": "the only tweet there is in this corpus!"}], index, "one.run"
    ... )
    >>> provscan.open_run("one.run").matches["tweet_id"].to_pylist()
    ['1']
    """
    require_folder("path", path)
    folder = Path(path)
    return Run(folder, *read_run(folder))


@dataclass(frozen=True)
class MatchArguments(MatchOptions):
    """The arguments of :func:`match`, for type checkers and editors."""

    sources: Sources
    index: Index | Source | None = None
    out: Source | None = None
    overwrite: bool | None = field(default=None, kw_only=True)
    progress: Progress | None = field(default=None, kw_only=True)


@with_options(MatchArguments)
def match(
    sources: Sources,
    index: Index | Source | None = None,
    out: Source | None = None,
    *,
    overwrite: bool | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Run:
    """Find the licensed tweets of an index in datasets, and write a run folder.

    Parameters
    ----------
    sources
        Paths of files or folders, "-" for the standard input; or Arrow data, a data
        frame, a ``datasets.Dataset``, a ``ray.data.Dataset``, or dicts. A string is
        always a path: pass texts as dicts or as an Arrow array.
    index
        An open index, or the path of one; by default ``$PROVSCAN_INDEX``, else
        ``licensed.index``. The checksums of all its files are verified first.
    out
        The run folder; by default ``<name of the first dataset>.run`` in the current
        folder. For data in memory, it is by default a temporary folder, which is
        removed together with the returned :class:`Run`.
    overwrite
        Replace an existing run folder. By default, only a run of the same call is
        replaced: the same paths of sources, index and folder, and the same options.
        To resume an interrupted call, repeat it: completed parts are not scanned again.
        Files that the replaced run has scanned with the same options and index, and
        that have not changed since, are not scanned again; the results are the same.
    progress
        Receives the progress of the run.
    **options
        The options of :class:`provscan.options.MatchOptions`.

    Returns
    -------
    Run

    Raises
    ------
    IndexFormatError
        There is no index, or it has another version, is incomplete, or is damaged.
    InputError, FieldNotFoundError
        A source can't be read, has no text field, or has no records. A truncated file
        is not an error: the summary lists it under ``damaged``.
    OutputError
        ``out`` exists, or can't be written.
    ParameterError
        A parameter is out of range.
    RecallError
        None of the spike-ins was found.
    GateError
        A share of records exceeds ``fail_above`` or ``fail_above_claimed``, or whether
        it does can't be decided; the run is written.
    WorkerError
        There is no cluster at the address.

    Examples
    --------
    >>> import provscan
    >>> index = provscan.build_index("corpora/tiny/corpus", "licensed.index")
    >>> run = provscan.match("corpora/tiny/dataset.jsonl", index)
    >>> run.path.name, run.summary["records"]
    ('dataset.run', 4997)
    """
    chosen = given_options(options)
    if index is None:
        index = os.environ.get("PROVSCAN_INDEX") or "licensed.index"
    temporary = None
    if out is None and source_list(sources) is None:
        temporary = tempfile.mkdtemp(prefix="provscan-")
        out = os.path.join(temporary, "memory.run")
    elif overwrite is None:
        overwrite = is_repeated(sources, index, out, chosen)
    with removed_on_error(temporary), logged(chosen.log, progress) as watcher:
        found = run_match(
            sources,
            index,
            out,
            chosen,
            watcher,
            write_report,
            overwrite=bool(overwrite),
        )
    run = Run(found.path, found.summary, found.info)
    remove_with(run, temporary)
    if found.gate is not None:
        raise GateError(found.gate.sentence, run, found.gate.kind)
    return run
