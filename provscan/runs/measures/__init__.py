"""Measure how many findings chance explains, and which share of copies is found.

- ``clusters``: findings of texts with similar wording, which count as one event.
- ``chance``: the chance matches that a control and a null dataset predict among the
  findings, and the error rates of lists of the strongest findings.
- ``recall``: the share of copies that is found, measured on test copies.
- ``analysis``: all measurements of a run, in one value, ``Measured``.
"""
