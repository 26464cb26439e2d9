"""Probes: does a language model recite licensed tweets more often than tweets that it
cannot have seen?

The data flows as follows. :mod:`~provscan.probe.draw` draws licensed tweets by strata
and matches each with a control. :mod:`~provscan.probe.prompts` makes the prompts, and
:mod:`~provscan.probe.baseline` measures whether the two arms can be told apart without
the model. :mod:`~provscan.probe.plan` writes all of this to a file with a digest before
the first question. :mod:`~provscan.probe.run` asks a model
(:mod:`~provscan.probe.endpoint`) and keeps every answer
(:mod:`~provscan.probe.answers`). :mod:`~provscan.probe.verification` compares the
answers with the tweets, :mod:`~provscan.probe.evidence` counts the recitations, and
:mod:`~provscan.probe.summary` computes the numbers with the tests of
:mod:`provscan.probe.statistics`. :mod:`~provscan.probe.score` runs these steps and
writes the results; :mod:`provscan.probe.report` puts them into words and shows them.

Everything except scoring needs the extra ``probe``: ``pip install 'provscan[probe]'``.
"""

from provscan.probe.files import is_probe
from provscan.probe.plan import Plan, make_plan, open_plan
from provscan.probe.run import run
from provscan.probe.score import score
from provscan.probe.settings import Settings

__all__ = ["Plan", "Settings", "is_probe", "make_plan", "open_plan", "run", "score"]
