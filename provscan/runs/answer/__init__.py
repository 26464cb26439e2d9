"""Compute the numbers of a run with their limits, and put them into words.

- ``layers``: "at least", estimate and "at most", from counts, chance and recall.
- ``breakdowns``: findings of each source, author, year, language and script.
- ``wording``: the first sentences of the answer: status, headline and details.
- ``facts``: what decides about judgement, withheld numbers and warnings.
- ``reasons``: which numbers are withheld, and why.
- ``warnings``: warnings about threats to a number, and notes.
- ``entry``: the entry ``answer`` of ``summary.json``.
- ``summary``: all entries of ``summary.json`` that follow from the measurements.
"""
