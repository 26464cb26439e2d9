"""Find, read and count the licensed tweets for an index (:class:`Corpus`), and warn the
user about them (:func:`corpus_warnings`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from provscan import readers
from provscan.engine.progress import Progress
from provscan.errors import InputError
from provscan.index import Written
from provscan.names import counted, several
from provscan.readers import source_list
from provscan.readers.stats import require_undamaged
from provscan.runs.scan.left_out import MOST_LISTED

# Batches are joined until they have this number of rows.
LEAST_ROWS = 4096
NO_LETTERS = "their texts have no letters or digits apart from links and @names"


class Corpus:
    """The sources of licensed tweets that were passed to :func:`provscan.build_index`.
    They are read once.

    ``notes`` describes the sources for the index's manifest: ``sources``, the first
    ``unread`` and ``ignored`` files with reasons, and how many there are of each.
    ``stats`` counts what is read. ``files`` is None for data in memory.
    """

    def __init__(
        self,
        sources: object,
        fields: readers.Fields,
        delimiter: str | None,
        encoding: str | None,
        progress: Progress,
    ) -> None:
        self.notes: dict[str, Any] = {}
        self.stats = readers.ReadStats()
        self._sources = sources
        self._fields = fields
        self._progress = progress
        self._named = source_list(sources)
        self.files: list[readers.TweetFile] | None = None
        if self._named is not None:
            plan = readers.plan_tweets(
                self._named, fields, delimiter=delimiter, encoding=encoding
            )
            self.files = plan.files
            self.notes["sources"] = [
                {"source": f.split.source, "bytes": f.split.size} for f in plan.files
            ]
            for name, entries in (("unread", plan.unread), ("ignored", plan.ignored)):
                self.notes[name] = [
                    {"path": path, "reason": reason}
                    for path, reason in entries[:MOST_LISTED]
                ]
                self.notes[f"{name}_files"] = len(entries)

    def unread_message(self) -> str:
        unread = self.notes["unread"]
        shown = "; ".join(
            f"{item['path']}: {item['reason'].rstrip('.')}" for item in unread[:3]
        )
        count = self.notes["unread_files"]
        more = f"; and {count - 3:,} more" if count > 3 else ""
        verb = "contains" if count == 1 else "contain"
        return (
            f"{count:,} of the files named {verb} no tweets that can be read: "
            f"{shown}{more}. No index was written; name only files with tweets, or "
            "leave these out with allow_unread (--allow-unread)"
        )

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield all tweets in batches with the schema
        :data:`~provscan.readers.schema.TWEETS`.
        """
        yield from coalesced(self._all())
        self.require_tweets()

    def require_tweets(self) -> None:
        """Check, after reading, that no file is damaged and that there are tweets."""
        require_undamaged(self.stats)
        if not self.stats.records:
            raise self._empty(_left_out(self.stats))

    def described(self) -> dict[str, Any]:
        """Return the notes and the counts of what was read."""
        return {**self.notes, "read": self.stats.as_dict()}

    def describe(self, written: Written) -> dict[str, Any]:
        """Return the notes and counts for a new index; raise an error if all texts are
        empty.
        """
        if not written.tweets:
            raise self._empty(NO_LETTERS)
        return self.described()

    def _all(self) -> Iterator[pa.RecordBatch]:
        stats, progress = self.stats, self._progress
        if self.files is None:
            progress.start("Indexing", None, "tweets")
            for batch in readers.read_tweet_objects(self._sources, self._fields, stats):
                yield batch
                progress.advance(batch.num_rows)
            return
        size = sum(file.split.size for file in self.files)
        progress.start("Indexing", size or None, "bytes")
        for file in self.files:
            yield from readers.read_tweets(file, stats, on_bytes=progress.advance)

    def _empty(self, why: str) -> InputError:
        shown = "the corpus" if self._named is None else ", ".join(self._named)
        return InputError(f"{shown} contains no tweets: {why}. No index was written")


def coalesced(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Join the batches of small files, in the same order, since processing a batch has
    a fixed cost, however few rows it has.
    """
    limits = readers.current_limits()
    waiting: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        if waiting and (
            rows >= LEAST_ROWS
            or rows + batch.num_rows > limits.batch_records
            or size >= limits.batch_bytes
        ):
            yield pa.concat_batches(waiting)
            waiting, rows, size = [], 0, 0
        waiting.append(batch)
        rows += batch.num_rows
        size += batch.nbytes
    if waiting:
        yield pa.concat_batches(waiting)


def _left_out(stats: readers.ReadStats) -> str:
    if not stats.skipped:
        return "it is empty"
    reasons = ", ".join(
        f"{reason}: {count:,}" for reason, count in sorted(stats.skipped.items())
    )
    records = several(sum(stats.skipped.values()), "record was", "records were")
    return f"{records} left out ({reasons})"


def corpus_warnings(info: dict[str, Any]) -> Iterator[str]:
    """Yield the warnings about a new index: what was left out, and which tweets can't
    be distinguished or found.
    """
    notes = info.get("read", {}).get("notes", {})
    skipped = info.get("read", {}).get("skipped", {})
    if unread := info.get("unread"):
        others = info["unread_files"] - 1
        more = f", and {counted(others, 'more file')}" if others else ""
        reason = unread[0]["reason"].rstrip(".")
        yield f"Not indexed: {unread[0]['path']}: {reason}{more}."
    if count := notes.get("id_mangled"):
        yield (
            f"Ids that a spreadsheet has rounded: {count:,}; their tweets are named by "
            "file and line. Export them again with the ids as text."
        )
    if count := notes.get("wrongly_decoded"):
        yield (
            "Tweets decoded with a wrong encoding before they were written: "
            f"{count:,}; copies of them may be missed. "
            "Index them again with --fix-encoding."
        )
    if count := notes.get("escaped"):
        yield (
            f"Tweets with letters written as escapes, such as \\u0447: {count:,}; "
            "copies of them are missed. Index them again with --fix-encoding."
        )
    if count := notes.get("id_missing"):
        whose = (
            "No tweet has an id"
            if count == info["tweets"]
            else f"Tweets without an id: {count:,}"
        )
        yield (
            f"{whose}; they are named by file and line, and repeated ones can't be "
            "recognised. If a field contains the ids, name it with --id-field."
        )
    if count := info.get("repeated_tweets"):
        yield f"Tweets read more than once: {count:,}; each id counts once."
    if count := info.get("versions"):
        yield (
            "Texts that differ from another text with the same tweet id (edits, "
            f"truncated copies): {count:,}; all are indexed, and each id counts once. "
            "If there are many, check that --id-field names the tweet's id."
        )
    if count := info.get("changed"):
        yield (
            "Texts that the index lacks, of tweets whose ids it contains (edits, "
            f"truncated copies): {count:,}; copies of them are missed. Index all files "
            "together to search for each version."
        )
    if count := skipped.get("deletion"):
        yield (
            f"Notices of deletions: {count:,}, not applied; provscan forget applies "
            "them."
        )
