"""The machines by name."""

from collections.abc import Callable

from truth import core, files, ledger, matching, probe

MACHINES: dict[str, Callable[..., core.Machine]] = {
    "match": matching.Machine,
    "ledger": ledger.Machine,
    "probe": probe.Machine,
    "files": files.Machine,
}
