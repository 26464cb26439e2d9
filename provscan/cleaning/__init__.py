"""Write a copy of a dataset without the matches that a run found in it.

:mod:`~provscan.cleaning.run` is the cleaning as a whole: it writes each file as a task
of an executor, scans the result again and writes the manifest.
:mod:`~provscan.cleaning.files` compares the dataset with the run and decides which
files can be written. :mod:`~provscan.cleaning.choice` reads the spans to remove from
``matches.parquet``, in the order of the records. :mod:`~provscan.cleaning.rewriting`
writes one file without these records, or with these spans replaced
(:mod:`~provscan.cleaning.masking`). :mod:`~provscan.cleaning.work` is the folder of an
unfinished result.
"""

from provscan.cleaning.choice import CleanOptions
from provscan.cleaning.run import Cleaned, clean

__all__ = ["CleanOptions", "Cleaned", "clean"]
