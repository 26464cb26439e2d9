"""Matching: licensed texts in records and passages, verified, with their spans.

The data goes one way: :mod:`~provscan.matching.scan` makes a batch of fields canonical;
:mod:`~provscan.matching.candidates` proposes licensed texts for whole fields and for
passages; :mod:`~provscan.matching.verify` compares them;
:mod:`~provscan.matching.overlaps` keeps one text a place;
:mod:`~provscan.matching.liftover` finds the spans in the fields as they came;
:mod:`~provscan.matching.matches` puts them into columns and rows.

Around that, :mod:`~provscan.matching.scan_task` scans one task, with the samples of
:mod:`~provscan.matching.record_samples`, and writes its part file
(:mod:`~provscan.matching.part_files`). :mod:`~provscan.matching.user_index` is the
index as users have it; :mod:`~provscan.matching.compare` compares given pairs of texts.
"""

from provscan.matching.compare import compared, in_pieces
from provscan.matching.matches import (
    LEVELS,
    MATCHES,
    Matches,
    TruncatedLookups,
    match_table,
)
from provscan.matching.scan import scan_texts
from provscan.matching.user_index import Index, Span, open_index
