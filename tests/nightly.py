"""Whether the tests run by night, with many more random cases, and those that take
long: ``make nightly``.
"""

import os

NIGHTLY = os.environ.get("PROVSCAN_NIGHTLY") == "1"
