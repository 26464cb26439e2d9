"""A probe shown to readers: its sentences, a page, and tables for a terminal."""

from provscan.probe.report.page import write_probe_report
from provscan.probe.report.tables import plan_table, probe_table

__all__ = ["plan_table", "probe_table", "write_probe_report"]
