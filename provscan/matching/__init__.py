"""Matching: licensed texts in records and passages, verified, with their spans.

The way of the data: :mod:`~provscan.matching.scan` makes texts canonical and hands them
to the two generators in :mod:`~provscan.matching.candidates`;
:mod:`~provscan.matching.verified` compares what they propose, lets one licensed text
win each place and leads back to the original; :mod:`~provscan.matching.table` puts it
into columns. :class:`Index` is what users hold.
"""

from provscan.matching.facade import Index, Span, open_index
from provscan.matching.scan import scan_texts
from provscan.matching.table import (
    LEVELS,
    MATCHES,
    Matches,
    TruncatedLookups,
    match_table,
)
from provscan.matching.verified import compared, in_pieces
