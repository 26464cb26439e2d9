"""What a run found, for people to read: tables for a terminal and a page for a browser
or for paper.

This room renders and computes nothing: every number is in ``summary.json`` already,
so what a person reads and what a program reads can't differ.
"""
