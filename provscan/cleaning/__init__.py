"""Write a copy of a dataset without the matches that a run found in it.

:mod:`~provscan.cleaning.choice` reads from ``matches.parquet`` which spans of which
records go, in the order of the records. :mod:`~provscan.cleaning.rewriting` copies one
file and leaves them out, or replaces them (:mod:`~provscan.cleaning.masking`).
:mod:`~provscan.cleaning.files` says which files there are, whether they can be written,
and where. :mod:`~provscan.cleaning.run` composes these, writes the manifest and scans
the result again.
"""

from provscan.cleaning.choice import CleanOptions
from provscan.cleaning.run import Cleaned, clean

__all__ = ["CleanOptions", "Cleaned", "clean"]
