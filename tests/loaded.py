"""Load provscan and its kernels when imported; see :func:`forks.fork`."""

import tempfile

import pytest  # noqa: F401

import provscan
import provscan.cli

TWEET = [{"id": "1", "text": "some words of a tweet that is found in a small dataset"}]

with tempfile.TemporaryDirectory() as folder:
    provscan.match(
        TWEET,
        provscan.build_index(TWEET, f"{folder}/a.index"),
        f"{folder}/a.run",
        spike_ins=10,
    )
