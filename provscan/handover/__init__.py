"""Hand over the results of runs so that the other party can check them.

- :mod:`~provscan.handover.bundle` writes runs into one archive, which contains:

  - a BagIt bag (:mod:`~provscan.handover.bag`);
  - a hash of each row (:mod:`~provscan.handover.rows`,
    :mod:`~provscan.handover.tree`);
  - a load file for review platforms (:mod:`~provscan.handover.loadfile`);
  - explanatory texts (:mod:`~provscan.handover.wording`);
  - a statement that lists all files and can be signed
    (:mod:`~provscan.handover.statement`).

- :mod:`~provscan.handover.exhibit` writes one exhibit of a bundle as a separate page.
- :mod:`~provscan.handover.check` verifies bundles and pages, and
  :mod:`~provscan.handover.figures` verifies the figures of a bundle.
- :mod:`~provscan.handover.replay` repeats the runs of a bundle.
- :mod:`~provscan.handover.case` compares several runs, whose findings
  :mod:`~provscan.handover.case_counts` counts.
- :mod:`~provscan.handover.review` writes blinded lists of findings for reviewers, and
  :mod:`~provscan.handover.verdicts` evaluates their verdicts with
  :mod:`~provscan.handover.agreement`.
"""

from provscan.handover.bundle import bundle
from provscan.handover.check import check
from provscan.handover.exhibit import write_exhibit
from provscan.handover.replay import replay

__all__ = [
    "bundle",
    "check",
    "replay",
    "write_exhibit",
]
