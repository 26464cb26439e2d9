"""Decide what a run reads, before the scan.

- ``sample``: the splits in a sample of files.
- ``plan``: the files to read, divided into splits.
- ``licensed``: the texts to search for: those of the index, and the controls.
"""
