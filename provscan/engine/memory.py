"""The memory of this process."""

from __future__ import annotations

import resource
import sys
from pathlib import Path


def own_memory() -> int:
    """Bytes of this process without mapped files, which the system can take back; where it does not say, the peak."""
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) << 10
    except OSError:
        pass
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most << 10
