"""What the server counts, in the text format of Prometheus."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

# Upper ends of the classes of times, in seconds.
BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, float("inf"))
PATHS = (
    "/",
    "/api/lookup",
    "/api/batch",
    "/api/stream",
    "/api/index",
    "/docs",
    "/openapi.json",
    "/health",
    "/metrics",
)
# A key is a name with its labels.
HELP = {
    "provscan_requests_total": ("counter", "Requests, by path and status."),
    "provscan_request_seconds": ("histogram", "From a request to its answer."),
    "provscan_texts_total": ("counter", "Texts that were looked up."),
    "provscan_characters_total": ("counter", "Code points of these."),
    "provscan_matches_total": ("counter", "Matches in these."),
    "provscan_findings_total": ("counter", "Findings among the matches."),
    "provscan_index_generation": ("gauge", "Generation of the index."),
    "provscan_index_tweets": ("gauge", "Licensed tweets in the index."),
}


class Metrics:
    """Counts, added to by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def answered(self, path: str, status: int, seconds: float) -> None:
        name = path if path in PATHS else "other"
        labels = f'path="{name}",status="{status}"'
        bucket = next(end for end in BUCKETS if seconds <= end)
        self._add(
            {
                f"provscan_requests_total{{{labels}}}": 1,
                f"provscan_request_seconds_bucket{bucket}": 1,
                "provscan_request_seconds_sum": seconds,
                "provscan_request_seconds_count": 1,
            }
        )

    def looked_up(self, results: list[dict[str, Any]]) -> None:
        self._add(
            {
                "provscan_texts_total": len(results),
                "provscan_characters_total": sum(r["characters"] for r in results),
                "provscan_matches_total": sum(len(r["matches"]) for r in results),
                "provscan_findings_total": sum(r["findings"] for r in results),
            }
        )

    def _add(self, counts: Mapping[str, float]) -> None:
        with self._lock:
            self._counts.update(counts)

    def lines(self, index: Mapping[str, Any] | None) -> Iterator[str]:
        """All counts, and what the index is, if there is one."""
        with self._lock:
            counts = dict(self._counts)
        if index is not None:
            for name in ("generation", "tweets"):
                counts[f"provscan_index_{name}"] = index[name]
        below = 0
        for end in BUCKETS:
            below += counts.pop(f"provscan_request_seconds_bucket{end}", 0)
            bound = "+Inf" if end == BUCKETS[-1] else f"{end:g}"
            counts[f'provscan_request_seconds_bucket{{le="{bound}"}}'] = below
        for name, (kind, text) in HELP.items():
            yield f"# HELP {name} {text}"
            yield f"# TYPE {name} {kind}"
            for key, count in counts.items():
                if key.startswith(name):
                    yield f"{key} {count:g}"
