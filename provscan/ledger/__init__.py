"""What applications accessed, what they store and what they use it for, against the
rules of the day.

:func:`make_ledger` turns access logs and a case file into a folder. Its lanes are
measured apart: ``access`` reads the logs, ``holdings`` the runs and probes. They meet
in the tables of a ``database``, where ``comparison`` compares them with the rules of
``policy``; ``report`` and ``workbook`` show the tables.
"""

from provscan.ledger.report import ledger_lines, write_ledger_report
from provscan.ledger.run import make_ledger, read_ledger

__all__ = ["ledger_lines", "make_ledger", "read_ledger", "write_ledger_report"]
