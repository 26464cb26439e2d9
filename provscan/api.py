"""The public functions over whole files: build or open an index, match datasets, open a
run.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from provscan.engine import Progress, logged
from provscan.errors import GateError, UsageError
from provscan.index.blind import open_blind, read_key
from provscan.matching import Index, open_index
from provscan.params import FindingParams, MatchParams, require_folder
from provscan.readers import Source
from provscan.report.document import write_report
from provscan.report.files import RunFiles
from provscan.report.notebook import Plots, run_html
from provscan.runs.blind import match_blind, require_blind
from provscan.runs.blind import reveal as reveal_run
from provscan.runs.build import build_index, require_outside
from provscan.runs.folder import EVIDENCE_FILE, MATCHES_FILE, read_run
from provscan.runs.inputs import default_out
from provscan.runs.maintain import forget, merge, verify
from provscan.runs.match import RunTarget, run_match
from provscan.runs.options import MAX_BAD, Options, Sources, source_list

if TYPE_CHECKING:
    import pandas as pd

OPEN_ALREADY = (
    "the index is open already: give without_segment to open_index, or name its folder"
)

__all__ = [
    "Index",
    "Run",
    "build_index",
    "forget",
    "match",
    "merge",
    "open_index",
    "open_run",
    "reveal",
    "verify",
]


@dataclass(frozen=True, repr=False)
class Run:
    """A run folder.

    Attributes
    ----------
    path
        The folder.
    summary
        ``summary.json``: what was found.
    info
        ``run.json``: parameters, versions, inputs, index, timings, and the command that
        repeats the run.

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
        """``matches.parquet``, one row a match."""
        return pq.read_table(self.path / MATCHES_FILE)

    @cached_property
    def evidence(self) -> pa.Table:
        """``evidence.parquet``, one row a finding, with the passage and the tweet."""
        return pq.read_table(self.path / EVIDENCE_FILE)

    @property
    def plot(self) -> Plots:
        """Figures of the run: ``plot.answer()``, ``plot.recall()``, ``plot.bits()``,
        ``plot.by("year")``.
        """
        return Plots(self.path)

    def to_pandas(self, *, all: bool = False) -> pd.DataFrame:
        """The findings as the report numbers them: one row a match, with passage and
        tweet where the run keeps them.

        Parameters
        ----------
        all
            The matches of common or known wording, too, after the findings.

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        UsageError
            pandas is not installed.
        """
        exhibits = RunFiles.open(self.path).with_texts(everything=all)
        numbers = pa.array(range(1, len(exhibits) + 1), pa.int64())
        try:
            return exhibits.add_column(0, "exhibit", numbers).to_pandas()
        except ImportError:
            raise UsageError(
                "pandas is not installed, so there is no data frame: pip install "
                "'provscan[notebook]'"
            ) from None

    def __repr__(self) -> str:
        return f"<provscan.Run {self.path}: {self.summary['answer']['headline']}>"

    def _repr_html_(self) -> str:
        return run_html(self.summary, self.path)


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
        There is no run, it is incomplete, or the folder is a probe.

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


def match(
    sources: Sources,
    index: Index | Source | None = None,
    out: Source | None = None,
    *,
    text_field: str | tuple[str, ...] | None = None,
    id_field: str | None = None,
    records: str | None = None,
    encoding: str | None = None,
    outputs: bool = False,
    fix_encoding: bool = False,
    threshold: float = MatchParams.threshold,
    min_containment: float = MatchParams.min_containment,
    min_chars: int = MatchParams.min_chars,
    partial_chars: int = MatchParams.partial_chars,
    min_bits: float = FindingParams.min_bits,
    min_bits_passage: float = FindingParams.min_bits_passage,
    min_letters: int = FindingParams.min_letters,
    cutoff: str | date | None = None,
    control: Source | Sequence[Source] | None = None,
    null: Source | Sequence[Source] | None = None,
    known: Source | Sequence[Source] | None = None,
    spike_ins: int | None = None,
    edits: str = "mixed",
    sample: float | None = None,
    sample_by: str | None = None,
    seed: int = 1,
    no_text: bool = False,
    texts: int | None = None,
    tokenizer: Source | None = None,
    workers: int | None = None,
    executor: str = "threads",
    address: str | None = None,
    memory: int | None = None,
    log: Source | None = None,
    parts: Source | None = None,
    shard_groups: int | None = None,
    shards_from: Source | None = None,
    allow_unread: bool = False,
    strict: bool = False,
    max_bad: float = MAX_BAD,
    fail_above: float | None = None,
    resume: bool = False,
    overwrite: bool = False,
    key: Source | None = None,
    without_segment: str | Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Run:
    """Find the licensed tweets of an index in datasets, and write a run folder.

    Parameters
    ----------
    sources
        Files, folders of files, "-" for the standard input; or Arrow data, a frame, a
        ``datasets.Dataset``, a ``ray.data.Dataset``, dicts. Strings are paths: pass
        texts as dicts or as an Arrow array.
    index
        An open index or the folder of one; by default ``$PROVSCAN_INDEX``, else
        ``licensed.index``. All its files are compared with their checksums first.
    out
        The run folder; by default the first dataset's name with ``.run``, in the
        current folder.
    text_field, id_field
        Names of fields; ``a.b`` leads into objects, ``a[].b`` into lists. By default
        every field that holds text is scanned.
    records
        What is a record in plain text: "lines", "paragraphs" or "files"; by default by
        what the file looks like.
    encoding
        Encoding of the files that are text; by default it is determined for each.
    outputs
        The records are outputs of a model. Prompts, recognised by the names of fields
        and by who speaks in a chat, are not scanned, and words that an answer repeats
        of its prompt are left out; both are counted in ``notes``.
    fix_encoding
        Scan texts that were decoded with a wrong encoding before they were written
        ("schÃ¶n"), or whose letters are written as escapes of JSON (as in JSON within
        JSON), as what was meant. They are counted in ``repaired``; spans are those of
        the original.
    threshold
        Minimum similarity of a match (Jaccard index of character 5-grams).
    min_containment
        Minimum containment of the licensed text in the span.
    min_chars
        Minimum number of letters that a match has in common with the licensed text, in
        canonical code points, where a Chinese character, a kana or a Korean syllable
        counts as two. Shorter licensed texts are ignored.
    partial_chars
        Minimum stretch of a licensed text, counted likewise, that is a match below
        these two shares; see :class:`provscan.params.MatchParams`.
    min_bits, min_bits_passage
        Minimum bits of the wording of a finding, where the span covers its whole field,
        and where it is a passage.
    min_letters
        Minimum letters that a finding has in common with the licensed text, counted as
        for ``min_chars``.
    cutoff
        When the dataset was collected. Licensed texts all of whose tweets are younger
        can't have been copied into it, so their matches measure chance.
    control
        Files of tweets that are known to be absent from the dataset for another reason;
        their matches measure chance. They are read by the usual names of fields.
    null
        Files of data that can't contain a licensed text (older than it, say), scanned
        with the same index and options: its matches measure chance, if it is of the
        dataset's kind.
    known
        Files of data that can't come from the platform: encyclopedias, quotations,
        subtitles, older crawls. A licensed text that also stands there is a third
        source's, and no match of it is a finding. Read with the options of the dataset;
        it may share no file with the dataset, the control or a null dataset.
    spike_ins
        Number of edited licensed texts to plant in the dataset to measure recall; 0 for
        none, which withholds every corrected number. By default one per 50 records,
        between 2,000 and 3,000. An index of fewer texts has each planted several times,
        edited otherwise.
    edits
        What spike-ins go through: ``"light"``, light and common edits; ``"mixed"``,
        these and heavy and severe ones; ``"heavy"``, all but the light ones
        (:mod:`provscan.calibration.edits`).
    sample
        Share of the dataset to scan, chosen at random; the estimate is for all of it.
    sample_by
        Unit of the sample: ``"records"``, for which all files are read; or ``"files"``
        (ranges of large files), which reads only what it scans but gives wider
        intervals. By default files if the sample would hold at least 50, else records.
    seed
        Seed of the sample. Test copies are the same for every seed.
    no_text
        Whether the run folder holds SHA-256 digests in place of texts.
    texts
        Number of matches that keep their texts, the strongest counted ones first;
        others have digests, or nothing if they don't count. By default all that count
        and the 10,000 strongest others.
    tokenizer
        Tokenizer of a language model (``tokenizer.json``) by which tokens are counted;
        needs the extra ``tokens``. Four characters are a token by default.
    workers
        Number of threads, processes or tasks at once; by default one per processor of
        this machine, or of the cluster. The results do not depend on it.
    executor
        What scans: ``"threads"`` of this process, ``"processes"``, or ``"ray"``, a Ray
        cluster; the results are the same. Processes and clusters read files only, not
        data in memory or the standard input; but a cluster scans the blocks of a
        ``ray.data.Dataset`` where they are, as they are made, while threads have them
        come one by one. A script that uses processes needs ``if __name__ ==
        "__main__":``. The nodes of a cluster must see datasets, index and run folder
        under the same paths. What three workers in turn fail to scan is listed under
        ``unread``.
    address
        Of the head of a Ray cluster, or ``"auto"`` for the one that this machine
        belongs to; by default one is started on this machine for the time of the run.
    memory
        Bytes that a worker of a Ray cluster may have, beside mapped files. A node runs
        as many workers as it has memory for, and a worker that takes more is replaced;
        its task is tried again.
    log
        File that lines of JSON are added to while the run goes on: progress and time
        left, which task ran where, how long and with how much memory, tasks that take
        much longer than others, what failed (:mod:`provscan.engine.journal`).
    parts
        Path or URL of a folder that workers put their results in, from where they are
        fetched: an object store, or a disk that all nodes see; by default the run
        folder.
    shard_groups
        Number of groups that the shards of the index are parted into, each held by one
        process of a Ray cluster, which opens these shards alone; those that scan ask
        it. For an index that is larger than a node's memory or disk. The folder of the
        index must be seen by this process, too, which reads little of it. By default
        each worker opens all shards.
    shards_from
        Path or URL of a copy of the index, in an object store, say, from where each
        group is copied to a temporary folder of its node for this run; by default the
        nodes open the index where it is.
    allow_unread
        Whether named files that can't be scanned are acceptable. Either way the summary
        lists them under ``unread``; the command ends with status 3 if they are not.
    strict
        Whether a record that can't be read is an error.
    max_bad
        Maximum share of records that can't be read; more of them are an error.
    fail_above
        Maximum share of records with licensed text: :class:`~provscan.errors.GateError`
        is raised after the run is written if the lower bound is higher, and
        :class:`~provscan.errors.UsageError` if that is withheld.
    resume
        Go on with an interrupted run of the same command, if there is one: complete
        parts are not scanned again.
    overwrite
        Replace an existing run folder.
    key
        File with the key of a blind index. A blind run finds rows and makes no
        estimate; :func:`reveal` turns them into evidence. It takes the options of
        fields, records and what can't be read, encoding, outputs, threshold,
        min_containment, min_chars, workers and log.
    without_segment
        Name of a segment of the index to leave out, or several: a damaged one, as the
        error names it. Summary and report say how many licensed tweets were not looked
        for.
    progress
        Receives the progress of the run.

    Returns
    -------
    Run

    Raises
    ------
    IndexFormatError
        There is no index, or one of another version, incomplete or damaged.
    InputError, FieldNotFoundError
        A source can't be read, has no text field, or no record at all. A file that
        breaks off is no error: the summary lists it under ``damaged``.
    OutputError
        ``out`` exists, or can't be written.
    ParameterError
        A parameter is out of range.
    RecallError
        None of the spike-ins was found.
    GateError
        More records than ``fail_above`` allows hold licensed text.
    WorkerError
        A worker process was ended by the system, or there is no cluster at the address.

    Examples
    --------
    >>> import provscan
    >>> index = provscan.build_index("corpora/tiny/corpus", "licensed.index")
    >>> run = provscan.match("corpora/tiny/dataset.jsonl", index)
    >>> run.path.name, run.summary["records"]
    ('dataset.run', 4997)
    """

    if isinstance(index, Index):
        if without_segment is not None:
            raise UsageError(OPEN_ALREADY)
        without_segment = list(index.reader.left_out.segments) or None
    options = Options(
        text_field=text_field,
        id_field=id_field,
        records=records,
        encoding=encoding,
        outputs=outputs,
        fix_encoding=fix_encoding,
        threshold=threshold,
        min_containment=min_containment,
        min_chars=min_chars,
        partial_chars=partial_chars,
        min_bits=min_bits,
        min_bits_passage=min_bits_passage,
        min_letters=min_letters,
        cutoff=cutoff,
        control=control,
        null=null,
        known=known,
        spike_ins=spike_ins,
        edits=edits,
        sample=sample,
        sample_by=sample_by,
        no_text=no_text,
        texts=texts,
        tokenizer=tokenizer,
        seed=seed,
        workers=workers,
        executor=executor,
        address=address,
        memory=memory,
        log=log,
        parts=parts,
        shard_groups=shard_groups,
        shards_from=shards_from,
        allow_unread=allow_unread,
        strict=strict,
        max_bad=max_bad,
        fail_above=fail_above,
        without_segment=without_segment,
    )
    place = out if out is not None else default_out(source_list(sources))
    require_folder("out", place)
    path = Path(place)
    require_outside(path, source_list(sources) or [])
    if key is not None:
        if isinstance(index, Index):
            raise UsageError(
                "key is that of a blind index: give the folder of one as index, or "
                "leave key out"
            )
        require_blind(options, resume=resume)
        sketches = open_blind(_index_path(index), read_key(key))
        with logged(log, progress) as watcher:
            found = match_blind(
                sources, sketches, path, options, overwrite=overwrite, progress=watcher
            )
        write_report(path)
        return Run(path, *found)
    target = RunTarget(path, overwrite, resume, None if out is None else os.fspath(out))
    with logged(log, progress) as watcher:
        opened = (
            index
            if isinstance(index, Index)
            else open_index(_index_path(index), without_segment=without_segment)
        )
        summary, info = run_match(
            sources, opened, target, options, progress=watcher, render=write_report
        )
    run = Run(path, summary, info)
    if fail_above is not None and (share := certain_share(summary)) > fail_above:
        raise GateError(
            f"at least {share:.4%} of the records hold licensed text: more than the "
            f"{fail_above:.4%} that --fail-above allows",
            run,
        )
    return run


def reveal(
    run: Source,
    index: Index | Source | None = None,
    out: Source | None = None,
    *,
    threshold: float = MatchParams.threshold,
    min_containment: float = MatchParams.min_containment,
    overwrite: bool = False,
    without_segment: str | Sequence[str] | None = None,
) -> Run:
    """Turn the rows of a blind run into evidence, with the full index.

    Each passage is compared with the tweet that its row names: rows get their true
    similarity and containment and the level of these (never ``exact``, which a blind
    index can't tell from ``near_exact``), and those that reach the thresholds are
    counted and have evidence.

    Parameters
    ----------
    run
        Folder of a blind run.
    index
        The full index, open or its folder; by default ``$PROVSCAN_INDEX``, else
        ``licensed.index``.
    out
        Folder to write; by default ``run`` with ``.revealed.run`` in place of ``.run``.
    threshold, min_containment
        As for :func:`match`.
    overwrite
        Replace an existing run folder.
    without_segment
        Name of a segment of the index to leave out, or several: damaged ones. Rows that
        name a tweet in it are not counted, like those of tweets that the index does not
        hold.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        There is no blind run, or one that was changed.
    IndexFormatError
        There is no full index, or a damaged one.
    OutputError
        ``out`` exists, or can't be written.

    Examples
    --------
    >>> import provscan
    >>> from pathlib import Path
    >>> tweets = [{"id": "1", "text": "the only tweet of this corpus, which somebody copied"}]
    >>> _ = Path("key").write_bytes(bytes(range(32)))
    >>> _ = provscan.build_index(tweets, "blind.index", blind=True, key="key")
    >>> run = provscan.match(
    ...     [{"text": tweets[0]["text"].upper()}], "blind.index", "blind.run", key="key"
    ... )
    >>> full = provscan.build_index(tweets, "full.index")
    >>> provscan.reveal(run.path, full, "revealed.run").evidence["tweet_id"].to_pylist()
    ['1']
    """  # noqa: E501

    if isinstance(index, Index) and without_segment is not None:
        raise UsageError(OPEN_ALREADY)
    opened = (
        index
        if isinstance(index, Index)
        else open_index(_index_path(index), without_segment=without_segment)
    )
    require_folder("run", run)
    if out is not None:
        require_folder("out", out)
    folder = Path(run)
    named = folder if folder.name not in ("", "..") else folder.resolve()
    target = (
        Path(out)
        if out is not None
        else named.with_name(f"{named.name.removesuffix('.run')}.revealed.run")
    )
    params = MatchParams(threshold, min_containment)
    found = reveal_run(
        folder,
        opened.reader,
        target,
        threshold=params.threshold,
        min_containment=params.min_containment,
        overwrite=overwrite,
    )
    write_report(target)
    return Run(target, *found)


def _index_path(index: Source | None) -> Source:
    return (
        index
        if index is not None
        else os.environ.get("PROVSCAN_INDEX") or "licensed.index"
    )


def certain_share(summary: dict[str, Any]) -> float:
    """Share of the records that hold licensed text at least; an error where there is no
    lower bound.
    """
    records = summary["answer"]["records"]
    if records["at_least"] is None and summary["records"]:
        reason = summary["answer"]["withheld"].get(
            "records.at_least", "there is no measure of chance"
        )
        raise UsageError(
            f"fail_above can't be decided, since there is no lower bound: {reason}"
        )
    return records["share"]["at_least"] or 0.0
