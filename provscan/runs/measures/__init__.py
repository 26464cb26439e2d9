"""Measure how many findings chance explains, and which share of copies is found.

- ``clusters``: findings of texts with similar wording, which count as one event.
- ``chance``: the chance matches that a control and clean data predict among the
  findings.
- ``error_rates``: the share of a list of the strongest findings that chance explains.
- ``recall``: the share of copies that is found, measured on test copies.
- ``analysis``: all measurements of a run, in one value, ``Measured``.
"""
