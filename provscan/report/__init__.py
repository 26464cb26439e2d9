"""What a run found, for people to read: tables for a terminal and a page for a browser or for paper.

This room renders and computes nothing: every number stands in ``summary.json`` already, so what a person
reads and what a program reads can't differ.

Everything listed in ``__all__`` is loaded on first use: a command that prints a table needs no templates.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from provscan.report.blind import blind_lines
    from provscan.report.document import write_report
    from provscan.report.export import export
    from provscan.report.pdf import write_pdf
    from provscan.report.probe_page import is_probe, write_probe_report
    from provscan.report.probe_tables import plan_table, probe_table
    from provscan.report.tables import explanation_table, index_table, text_table

_HOME = {
    "blind_lines": "blind",
    "explanation_table": "tables",
    "export": "export",
    "index_table": "tables",
    "is_probe": "probe_page",
    "plan_table": "probe_tables",
    "probe_table": "probe_tables",
    "text_table": "tables",
    "write_pdf": "pdf",
    "write_probe_report": "probe_page",
    "write_report": "document",
}

__all__ = [
    "blind_lines",
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


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'provscan.report' has no attribute {name!r}")
    value = getattr(import_module(f"provscan.report.{_HOME[name]}"), name)
    globals()[name] = value
    return value
