"""A machine that searches for wrong answers: it draws cases whose truth is known, runs
them, and holds the results against laws.

:mod:`truth.draw` draws cases, :mod:`truth.laws` has the laws, and :mod:`truth.adapter`
is the only module that knows names of commands, options, keys and statuses.
``python -m tests.truth --help`` runs it from the shell.
"""
