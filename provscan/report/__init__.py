"""What a run found, for people to read: tables for a terminal and a page for a browser or for paper.

This room renders and computes nothing: every number stands in ``summary.json`` already, so what a person
reads and what a program reads can't differ.
"""

from provscan.report.document import write_report
from provscan.report.export import export
from provscan.report.pdf import write_pdf
from provscan.report.probe_page import is_probe, write_probe_report
from provscan.report.probe_tables import plan_table, probe_table
from provscan.report.tables import explanation_table, index_table, text_table

__all__ = [
    "explanation_table",
    "export",
    "index_table",
    "is_probe",
    "plan_table",
    "probe_table",
    "text_table",
    "write_pdf",
    "write_probe_report",
    "write_report",
]
