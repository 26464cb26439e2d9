"""Prepare the texts that a run searches for: the licensed texts of an index, and
controls, which are in the index or in files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from provscan import readers
from provscan.calibration.controls import Controls, no_control, with_cutoff, with_files
from provscan.errors import InputError, UsageError
from provscan.index import open_reader
from provscan.matching import Index, open_index
from provscan.matching.scan_task import Snapshot
from provscan.options import MatchOptions, Source
from provscan.runs.inputs.plan import PathReasons


class SearchedTexts(NamedTuple):
    """The licensed texts and the controls that a run searches for."""

    controls: Controls
    snapshot: Snapshot  # Tells other processes which texts to open.
    control_fingerprint: str | None  # Fingerprint of the control files, if any.
    cutoff: dict[str, Any] | None  # Entry of ``summary.json`` about a cutoff.
    files: dict[str, Any] | None  # Entry of ``summary.json`` about control files.

    @property
    def unread(self) -> PathReasons:
        """The control files that could not be read."""
        files = self.files["unread"] if self.files else []
        return [(item["path"], item["reason"]) for item in files]


def checked_index(index: Index | Source, options: MatchOptions) -> Index:
    """Open the index, and check that it is not empty and that all of its files match
    their checksums.
    """
    if isinstance(index, Index):
        reader = index.reader
        if reader.verified:
            reader.require_unchanged()
        else:
            open_reader(reader.path, snapshot=reader.snapshot)
        if reader.hook is not None and options.ray is not None:
            raise UsageError(
                f"the hook {reader.hook_name} is a function of this process, which a "
                "cluster can't call: leave out ray"
            )
    else:
        index = open_index(index)
    index.reader.require_hook()
    if not index.reader.texts:
        raise InputError(f"{index.reader.path} is empty: add tweets, or name another")
    return index


def with_controls(
    index: Index, options: MatchOptions, control_index: Path
) -> SearchedTexts:
    """Return the licensed texts with the controls that the options specify. Control
    files are indexed in the folder ``control_index``.
    """
    controls = no_control(index.reader)
    cutoff = files = control = fingerprint = None
    if options.since is not None:
        controls = with_cutoff(controls, options.since)
        cutoff = {"since": options.since.isoformat(), "texts": controls.texts}
    if options.files("control"):
        control = str(control_index)
        controls, files = with_files(
            controls,
            options.files("control"),
            readers.Fields(),
            control_index,
            options.threads,
        )
        fingerprint = open_reader(control, check="lengths").fingerprint
    reader = index.reader
    snapshot = Snapshot(str(index.path), reader.snapshot, control)
    return SearchedTexts(controls, snapshot, fingerprint, cutoff, files)
