"""``NIGHTLY`` is true for ``make nightly``, which runs slow tests and many more random
cases.
"""

import os

NIGHTLY = os.environ.get("PROVSCAN_NIGHTLY") == "1"
