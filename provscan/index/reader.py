"""The :class:`IndexReader`, through which all other code reads an index.

Its segments and their arrays are private to this package, except for the look-up tables
(:attr:`IndexReader.tables`) that a scan passes to the kernels.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from provscan.errors import ParameterError
from provscan.index.checks import check_content
from provscan.index.format import VERSION, Manifest
from provscan.index.mapped_files import Stamps, require_unchanged
from provscan.index.segment.join import scan_tables
from provscan.index.segment.tables import LookupTables
from provscan.index.texts import LicensedTexts
from provscan.params import IndexParams
from provscan.text.hooks import Hook, hook_name, require_prepared

# The number of texts that a hook is checked with when an index is opened.
HOOK_CHECKS = 1000


@dataclass(frozen=True, eq=False)
class IndexReader(LicensedTexts):
    """An open index: one snapshot of its segments."""

    manifest: Manifest
    states: Stamps  # The state of each mapped file.
    verified: bool = False  # Whether all files were compared with their checksums.
    # The hook that prepared the licensed texts and prepares the texts to scan.
    hook: Hook | None = None

    @property
    def params(self) -> IndexParams:
        return self.manifest.index_params

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits, equal for equal parameters and tweets."""
        return self.manifest.fingerprint()

    @property
    def snapshot(self) -> str:
        """32 hexadecimal digits, equal for readers that give the same texts the same
        ids. Merging changes the snapshot, but not the fingerprint.
        """
        parts = [
            f"{s.name}/{s.tombstones.name if s.tombstones else ''}"
            for s in self.manifest.segments
        ]
        return xxhash.xxh3_128_hexdigest(" ".join([self.fingerprint, *parts]).encode())

    @property
    def fraction(self) -> float:
        """The share of the licensed tweets that this index was built from."""
        return float(self.manifest.notes.get("fraction", 1.0))

    @property
    def hook_name(self) -> str | None:
        """The name of the hook that prepared the texts of the index, if any."""
        return self.manifest.notes.get("canonical")

    def with_hook(self, hook: Hook | None) -> IndexReader:
        """Return this reader with the hook that the index was built with.

        Raises
        ------
        ParameterError
            The index was built without a hook or with another one.
        """
        if hook is None:
            return self
        self.require_hook_name(hook_name(hook))
        some = next(self.shuffled(seed=0))[:HOOK_CHECKS]
        require_prepared(self.raw_texts(some).array(), hook)
        return replace(self, hook=hook)

    def require_hook_name(self, name: str | None) -> None:
        """Raise :class:`~provscan.errors.ParameterError` unless the index was built
        with the hook of this name; None means no hook.
        """
        if name != self.hook_name:
            built = (
                f"with {self.hook_name}: give that one"
                if self.hook_name
                else "without one: leave it out"
            )
            raise ParameterError(
                f"canonical is {name or 'not given'}, but {self.path} was built "
                f"{built}, or build another index"
            )

    def require_hook(self) -> None:
        """Raise :class:`~provscan.errors.ParameterError` if the index was built with a
        hook that this reader does not have.
        """
        if self.hook_name is not None and self.hook is None:
            raise ParameterError(
                f"{self.path} was built with the hook {self.hook_name}, without which "
                "no text can be compared with it: open it in Python with "
                "open_index(path, canonical=...)"
            )

    @property
    def texts(self) -> int:
        """The number of licensed texts; a text in several segments counts once."""
        return self.manifest.texts

    @property
    def tweets(self) -> int:
        """The number of licensed tweets; a tweet with several texts counts once."""
        return self.manifest.tweets

    @cached_property
    def tables(self) -> tuple[LookupTables, ...]:
        """The tables that a scan uses. All segments are joined into one table if memory
        allows it, otherwise into a few.
        """
        # The manifest lists the largest segment first.
        return scan_tables([segment.tables for segment in self.segments], self.params)

    def require_unchanged(self) -> None:
        """Raise an error if the size or modification time of a file has changed since
        the index was opened.

        provscan replaces files and never modifies them, so a reader keeps its
        generation while it is open. Other programs may modify files.
        """
        require_unchanged(self.states)

    @contextlib.contextmanager
    def unchanged(self) -> Iterator[None]:
        """Call :meth:`require_unchanged` after a block of code, even if it fails."""
        try:
            yield
        except Exception:
            self.require_unchanged()
            raise
        self.require_unchanged()

    def with_control(self, extra: IndexReader) -> IndexReader:
        """Return a reader of the texts of this reader and of ``extra``. The texts of
        ``extra`` are numbered from :attr:`size` on.

        The two must have no text in common.
        """
        return replace(
            self,
            segments=(*self.segments, *extra.segments),
            bases=np.concatenate([self.bases, self.size + extra.bases[1:]]),
            states={**self.states, **extra.states},
        )

    def info(self) -> dict[str, Any]:
        files = [item for s in self.manifest.segments for item in s.files.items()]
        structures: dict[str, int] = {}
        for name, info in files:
            part = name.split(".")[0]
            structures[part] = structures.get(part, 0) + info.bytes
        forgotten = []
        for segment in self.segments:
            if len(segment.forgotten):
                # The index may have been opened without a check.
                check_content(segment, self.path)
            forgotten.append(segment.tweets.ids.take(segment.forgotten).array())
        return {
            "path": str(self.path),
            "version": VERSION,
            "generation": self.manifest.generation,
            "fingerprint": self.fingerprint,
            "params": self.params.as_dict(),
            "texts": self.texts,
            "tweets": self.tweets,
            "forgotten": pc.count_distinct(
                pa.chunked_array(forgotten, pa.large_string())
            ).as_py(),
            "bytes": sum(structures.values()),
            "bytes_per_text": {
                name: round(size / max(1, self.texts), 1)
                for name, size in sorted(structures.items())
            },
            "segments": [
                {
                    "name": s.name,
                    "texts": s.texts,
                    "tweets": s.tweets,
                    "forgotten": s.tweets - s.living,
                }
                for s in self.manifest.segments
            ],
            "purged": sum(purge.tweets for purge in self.manifest.purges.values()),
            "last_purge": max(
                (purge.purged for purge in self.manifest.purges.values()), default=None
            ),
            **self.manifest.notes,
        }
