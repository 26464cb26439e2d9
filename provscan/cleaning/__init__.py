"""Write a copy of a dataset without the matches that a run found in it.

:mod:`~provscan.cleaning.run` does this from beginning to end: it checks the run, cleans
the dataset, and writes the manifest. :mod:`~provscan.cleaning.result` writes the files
in threads and scans the result, to count the matches that are left.
:mod:`~provscan.cleaning.files` compares the dataset with the run and decides which
files can be written. :mod:`~provscan.cleaning.choice` reads the spans to remove from
``matches.parquet``, in the order of the records. :mod:`~provscan.cleaning.rewriting`
writes one file without the records that contain these spans, or with the spans masked
(:mod:`~provscan.cleaning.masking`). It uses :mod:`~provscan.cleaning.cutting` for files
of records, and :mod:`~provscan.cleaning.tables` for tables.
:mod:`~provscan.cleaning.verification` reads a written file back, and compares it with
its original (:mod:`~provscan.cleaning.rows` for tables).
:mod:`~provscan.cleaning.work` is the folder of an unfinished result.
"""

from provscan.cleaning.choice import CleanOptions
from provscan.cleaning.run import Cleaned, clean

__all__ = ["CleanOptions", "Cleaned", "clean"]
