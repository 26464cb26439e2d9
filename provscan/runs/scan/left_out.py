"""Describe the inputs of a scan (:func:`describe_inputs`) and what was left out:
unreadable records (:func:`check_skipped`), splits that were not scanned
(:func:`unread_parts`), and files that changed during the scan (:func:`check_files`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from provscan import readers
from provscan.engine import LostTask
from provscan.errors import InputError
from provscan.matching.part_files import PartResult
from provscan.names import counted, percentage
from provscan.options import MatchOptions
from provscan.ordered_map import ordered_map
from provscan.readers import MEMORY, Damage, ReadStats
from provscan.runs.inputs.plan import InputFile, Inputs, PathReasons, file_state
from provscan.runs.scan.totals import ScanTotals

# Maximum number of files in a list of ignored or unread files.
MOST_LISTED = 100


def check_skipped(stats: ReadStats, options: MatchOptions) -> None:
    """Raise an error if more records can't be read than the options allow. Records
    without text do not count.
    """
    bad = {
        reason: count
        for reason, count in stats.skipped.items()
        if reason not in ("no_text", "only_prompts")
    }
    count, read = sum(bad.values()), stats.records + sum(stats.skipped.values())
    if count <= options.max_bad * read:
        return
    cases = [
        (case, reason) for reason in bad for case in stats.examples.get(reason, [])
    ]
    example = ""
    if cases:
        first, reason = min(cases)
        detail = f": {first.detail}" if first.detail else ""
        example = (
            f"; the first is record {first.record} of {first.source} ({reason}{detail})"
        )
    raise InputError(
        f"{count:,} of {counted(read, 'record')} can't be read, more than --max-bad "
        f"{percentage(100.0 * options.max_bad, 4)} allows{example}. Repair the file, "
        "or allow more with --max-bad"
    )


def unread_parts(parts: Sequence[PartResult], lost: Sequence[LostTask]) -> PathReasons:
    """Return the splits that could not be scanned."""
    splits = [task.task.split for task in lost]
    counts = Counter(each.source for each in (*parts, *splits))
    found = []
    for split, task in zip(splits, lost, strict=True):
        count = counts[split.source]
        where = "all of it" if count == 1 else f"part {split.part + 1} of {count}"
        failures = ", ".join(sorted(set(task.failures)))
        words = f"{where} ({counted(len(task.failures), 'attempt')} failed: {failures})"
        found.append((split.source, words))
    return found


def describe_inputs(
    inputs: Mapping[str, Inputs],
    scans: Mapping[str, ScanTotals],
    unread_controls: PathReasons,
    threads: int,
) -> tuple[dict[str, Any], dict[str, Any], dict[str, int]]:
    """Describe all inputs, and compare them with their state when the run began.

    Returns
    -------
    left_out
        Entries of ``summary.json`` about files that are damaged or were not scanned.
    described
        Entries of ``run.json``: each file with its checksum, and the parts of a sample.
    missing
        How many files of the dataset are ``unread`` and ``damaged``.
    """
    damaged: list[Damage] = []
    unread, ignored = PathReasons(), PathReasons()
    described: dict[str, Any] = {}
    missing: dict[str, int] = {}
    for name, data in inputs.items():
        changed, files = check_files(data, threads)
        damaged += [*scans[name].stats.damaged, *changed]
        unread += [*data.unread, *scans[name].unread]
        ignored += data.ignored
        if name == "dataset":
            # Only files of the dataset count as text that was not scanned.
            missing = {
                "unread": len([*data.unread, *scans[name].unread]),
                "damaged": len(
                    {each.source for each in (*scans[name].stats.damaged, *changed)}
                ),
            }
        described["inputs" if name == "dataset" else f"{name}_inputs"] = files
    unread += unread_controls
    sample = inputs["dataset"].sample
    if sample is not None:
        described["parts_in_all"] = len(sample.splits) + len(sample.rest)
        described["parts_sampled"] = sample.ranges
    return left_out_summary(damaged, unread, ignored), described, missing


def left_out_summary(
    damaged: Sequence[Damage], unread: PathReasons, ignored: PathReasons
) -> dict[str, Any]:
    """Return the entries of ``summary.json`` about damaged and unscanned files."""
    return {
        "damaged": [
            {
                "source": damage.source,
                "records": damage.records,
                "problem": damage.reason,
            }
            for damage in damaged
        ],
        "unread": [{"path": path, "reason": reason} for path, reason in unread],
        "ignored": [
            {"path": path, "reason": reason} for path, reason in ignored[:MOST_LISTED]
        ],
        "ignored_files": len(ignored),
    }


def check_files(
    inputs: Inputs, workers: int
) -> tuple[list[Damage], list[dict[str, Any]]]:
    """Return the files that changed while they were scanned, and the entries of
    ``run.json`` about all inputs. An entry has a checksum if the file was scanned
    completely and did not change.
    """
    if inputs.named is None:
        return [], [{"source": MEMORY, "bytes": None, "xxh3": None}]

    def checked(item: tuple[str, InputFile]) -> tuple[str | None, dict[str, Any]]:
        path, file = item
        state, now, problem = file.state, file_state(path), None
        if file.scanned and state is not None and now != state:
            problem = (
                "it disappeared while it was scanned: the results may be incomplete"
                if now is None
                else "it was changed while it was scanned: the results mix two versions"
            )
        size = None if state is None else state.size
        known: dict[str, Any] = {"source": file.source, "bytes": size, "xxh3": None}
        if state is not None and state.version is not None:
            # A remote file would have to be fetched again for a checksum.
            known["version"] = state.version
        elif state is not None and file.whole and problem is None:
            known["xxh3"] = file.xxh3 or readers.checksum(path)
        if inputs.sample is not None:
            known["scanned"] = file.scanned
        return problem, known

    found = list(ordered_map(checked, inputs.files.items(), workers))
    changed = [
        Damage(known["source"], 0, problem)
        for problem, known in found
        if problem is not None
    ]
    return changed, [known for _, known in found]
