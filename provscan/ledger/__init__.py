"""Compare what applications accessed, stored and used with the rules of each day.

:func:`make_ledger` writes the folder of a ledger from access logs and a case file. Each
lane is measured separately: ``access`` reads the logs, and ``holdings`` reads runs and
probes. Both add tables to a ``database``. ``comparison.sql`` compares these tables with
the rules of ``policy``, and ``report`` and ``workbook`` show the results.
"""

from provscan.ledger.files import read_ledger
from provscan.ledger.report import info_lines, ledger_lines, write_ledger_report
from provscan.ledger.run import make_ledger

__all__ = [
    "info_lines",
    "ledger_lines",
    "make_ledger",
    "read_ledger",
    "write_ledger_report",
]
