"""Tell whether this is a run of ``make nightly``, with many more random cases and with
slow tests.
"""

import os

NIGHTLY = os.environ.get("PROVSCAN_NIGHTLY") == "1"
# The seed of drawn cases.
SEED = int(os.environ.get("PROVSCAN_TRUTH_SEED", "1"))


def cases(suite: int, night: int) -> int:
    """Return the number of cases to draw, which ``PROVSCAN_TRUTH_CASES`` overrides."""
    return int(os.environ.get("PROVSCAN_TRUTH_CASES", night if NIGHTLY else suite))
