"""How many findings chance explains, and how many copies are found.

- ``clusters``: findings of texts with similar wording, which count as one event.
- ``chance``: the chance matches that a control and a null dataset predict, compared
  with the findings, and with lists of the strongest ones.
- ``recall``: the share of copies that is found, measured on test copies.
- ``analysis``: all measurements of a run, composed as one value, ``Measured``.
"""
