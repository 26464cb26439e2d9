"""Count requests and results, and write the counts in the text format of Prometheus."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

# All other paths, which clients can invent, are counted together.
PATHS = ("/", "/api/lookup", "/api/batch", "/api/stream", "/docs", "/health")
KINDS = {
    "provscan_requests_total": "counter",
    "provscan_request_seconds_total": "counter",
    "provscan_texts_total": "counter",
    "provscan_characters_total": "counter",
    "provscan_matches_total": "counter",
    "provscan_findings_total": "counter",
    "provscan_index_generation": "gauge",
    "provscan_index_tweets": "gauge",
}


class Metrics:
    """Counts, to which several threads can add."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # The counts by name and labels.
        self._counts: Counter[str] = Counter()

    def answered(self, path: str, status: int, seconds: float) -> None:
        path = path if path in PATHS else "other"
        self._add(
            {
                f'provscan_requests_total{{path="{path}",status="{status}"}}': 1,
                f'provscan_request_seconds_total{{path="{path}"}}': seconds,
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
        """Yield the lines for all counts, and for the index if there is one."""
        with self._lock:
            counts: dict[str, float] = dict(self._counts)
        if index is not None:
            counts["provscan_index_generation"] = index["generation"]
            counts["provscan_index_tweets"] = index["tweets"]
        for name, kind in KINDS.items():
            yield f"# TYPE {name} {kind}"
            for key, count in counts.items():
                if key.partition("{")[0] == name:
                    yield f"{key} {count:.12g}"
