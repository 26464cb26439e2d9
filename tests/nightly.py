"""Tell whether this is a run of ``make nightly``, with many more random cases and with
slow tests.
"""

import os

NIGHTLY = os.environ.get("PROVSCAN_NIGHTLY") == "1"
