"""Matching: find licensed texts in records, verify them, and locate their spans.

The stages of a scan are, in order: :mod:`~provscan.matching.scan` makes a batch of
texts canonical and calls the other stages; :mod:`~provscan.matching.candidates`
proposes licensed texts for whole records and for passages;
:mod:`~provscan.matching.verify` compares them; :mod:`~provscan.matching.spacing`
restores missing spaces for a second search; :mod:`~provscan.matching.overlaps` keeps
one licensed text per place; :mod:`~provscan.matching.liftover` finds the spans in the
original texts; :mod:`~provscan.matching.matches` arranges the matches in columns and
rows.

:mod:`~provscan.matching.scan_task` scans one task, draws the samples of
:mod:`~provscan.matching.record_samples`, and writes the task's part file
(:mod:`~provscan.matching.part_files`). :mod:`~provscan.matching.user_index` defines the
public index object; :mod:`~provscan.matching.compare` compares given pairs of texts.
"""

from provscan.matching.compare import CopiedWording, compared, copied_wording
from provscan.matching.matches import (
    LEVELS,
    MATCHES,
    Matches,
    TruncatedLookups,
    match_table,
)
from provscan.matching.scan import scan_texts
from provscan.matching.user_index import Index, Span, open_index
