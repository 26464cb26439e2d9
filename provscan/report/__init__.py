"""What a run found, for people to read: tables for a terminal and a page for a browser or for paper.

This room renders and computes nothing: every number stands in ``summary.json`` already, so what a person
reads and what a program reads can't differ.
"""

from provscan.report.page import html
from provscan.report.tables import index_table, text_table

__all__ = ["html", "index_table", "text_table"]
