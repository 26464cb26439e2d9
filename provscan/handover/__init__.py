"""Results of runs, handed over so that the other party can check them.

:mod:`~provscan.handover.bundle` writes runs into one archive: a bag
(:mod:`~provscan.handover.bag`) with a hash of each row
(:mod:`~provscan.handover.rows`, :mod:`~provscan.handover.tree`), a load file
(:mod:`~provscan.handover.loadfile`), texts for people
(:mod:`~provscan.handover.wording`), and a statement on all of it that can be signed and
stamped (:mod:`~provscan.handover.statement`, :mod:`~provscan.handover.stamps`).
:mod:`~provscan.handover.exhibit` puts one exhibit of it on a page of its own.
:mod:`~provscan.handover.check` verifies both, :mod:`~provscan.handover.figures` the
figures among them, and :mod:`~provscan.handover.replay` repeats the runs.
"""

from provscan.handover.bundle import add_timestamp, bundle, write_request
from provscan.handover.check import check
from provscan.handover.exhibit import write_exhibit
from provscan.handover.replay import replay

__all__ = [
    "add_timestamp",
    "bundle",
    "check",
    "replay",
    "write_exhibit",
    "write_request",
]
