"""Count the findings of several runs by licensed text, in a DuckDB database with
bounded memory.

:func:`counted_findings` provides the :class:`Counts` of a case. :meth:`Counts.rows` and
:meth:`Counts.write` run one of its queries: :data:`TOTALS`, :data:`COMBINATIONS`,
:meth:`Counts.breakdown` or :attr:`Counts.texts`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import xxhash

from provscan.errors import InputError, OutputError, duckdb_errors
from provscan.names import several
from provscan.report.files import RunFiles
from provscan.runs.folder import MATCHES_FILE
from provscan.text import canonical

MEMORY = "400MB"
# The number of texts that are made canonical at a time.
WORDINGS = 10_000
# Several texts can have the same tweet id, so the digest of the text is also part of
# the key.
_FOUND = """
INSERT INTO found
SELECT ? AS run, tweet_id, digest, {text} AS text, tweets, findings, author, ms
FROM (
    SELECT tweet_id, {digest} AS digest, count(*) AS findings, min(author) AS author,
        min(epoch_ms(time)) AS ms,
        max(max(tweets)) OVER (PARTITION BY tweet_id) AS tweets
    FROM read_parquet(?) WHERE counted GROUP BY tweet_id, digest)
LEFT JOIN wordings USING (digest)"""
# What identifies a text: in one index its earliest tweet, in several its wording.
_OF_ONE_INDEX, _OF_SEVERAL = "hash(tweet_id, digest)", "coalesce(wording, digest)"
_DIGEST = (
    "('0x' || left(CASE WHEN has_text THEN sha256(tweet) ELSE tweet END, 16))::UBIGINT"
)
# A place is known again by the checksum of its file.
_PLACES = """
INSERT INTO places
SELECT {text} AS text, hash(coalesce(xxh3, $1 || source), record) AS record,
    hash(coalesce(xxh3, $1 || source), record, field, "start", "end") AS place
FROM (SELECT *, {digest} AS digest FROM read_parquet($2) WHERE counted) LEFT JOIN (
    SELECT unnest($3::VARCHAR[]) AS source, unnest($4::VARCHAR[]) AS xxh3
) USING (source) LEFT JOIN wordings USING (digest)"""
_TEXTS = """
CREATE TABLE texts AS
SELECT first(tweet_id ORDER BY {earliest}) AS tweet_id,
    first(digest ORDER BY {earliest}) AS digest,
    first(author ORDER BY {earliest}) AS author, min(ms) AS ms,
    max(tweets)::BIGINT AS tweets, max(places.findings)::BIGINT AS findings,
    bit_or(1::UBIGINT << run)::UBIGINT AS found_in
FROM found JOIN (
    SELECT text, count(DISTINCT place) AS findings
    FROM places GROUP BY ALL) AS places USING (text)
GROUP BY text""".format(earliest="ms NULLS LAST, tweet_id, digest, author")
ONCE = (
    "A finding in a file that was scanned several times counts once in all numbers of "
    "findings here. A record in files with different content, in archives or in remote "
    "files counts in each of them."
)
_SHARED = """
SELECT count(*) AS ids, min(tweet_id) AS example FROM (
    SELECT tweet_id FROM texts GROUP BY tweet_id HAVING count(*) > 1)"""
_SUMS = ", ".join(
    ["count(*) AS texts"]
    + [f"coalesce(sum({n}), 0)::BIGINT AS {n}" for n in ("tweets", "findings")]
)
TOTALS = (
    f"SELECT {_SUMS}, (SELECT count(DISTINCT record) FROM places)::BIGINT AS records "
    "FROM texts"
)
COMBINATIONS = f"SELECT found_in, {_SUMS} FROM texts GROUP BY found_in"
MONTH, _DAY = (
    f"strftime(make_timestamp(ms * 1000), '{form}')" for form in ("%Y-%m", "%Y-%m-%d")
)


@contextmanager
def counted_findings(runs: Sequence[RunFiles], folder: Path) -> Iterator[Counts]:
    """Provide the counts of runs, with ``folder`` for data that exceeds the memory."""
    import duckdb

    with (
        duckdb_errors(),
        tempfile.TemporaryDirectory(dir=folder) as working,
        duckdb.connect(f"{working}/case.duckdb") as connection,
    ):
        connection.execute(f"SET memory_limit = '{MEMORY}'")
        connection.execute(f"SET temp_directory = {_quoted(working)}")
        connection.execute("SET threads = 2")
        try:
            yield Counts(connection, runs)
        except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
            raise OutputError(
                "counting the findings failed, with temporary files in "
                f"{folder.parent} ({str(error).splitlines()[0]}): free some space, or "
                "write to another disk with -o"
            ) from error


def _quoted(path: str | Path) -> str:
    """Return a path as an SQL string literal."""
    return "'" + str(path).replace("'", "''") + "'"


class Counts:
    """The findings of runs, counted by licensed text in a database."""

    def __init__(self, connection: Any, runs: Sequence[RunFiles]) -> None:
        self._connection, self._runs = connection, runs
        self._in_run = {
            f"run_{number + 1}": f"(found_in >> {number} & 1) = 1"
            for number in range(len(runs))
        }
        connection.execute(
            "CREATE TABLE found (run INTEGER, tweet_id VARCHAR, digest UBIGINT, "
            "text UBIGINT, tweets BIGINT, findings BIGINT, author VARCHAR, ms BIGINT)"
        )
        connection.execute(
            "CREATE TABLE places (text UBIGINT, record UBIGINT, place UBIGINT)"
        )
        connection.execute("CREATE TABLE wordings (digest UBIGINT, wording UBIGINT)")
        self._indexes = {run.info["index"]["fingerprint"] for run in runs}
        several = len(self._indexes) > 1
        if several:
            self._add_wordings()
        forms = {"digest": _DIGEST, "text": _OF_SEVERAL if several else _OF_ONE_INDEX}
        for number, run in enumerate(runs):
            table = str(run.path / MATCHES_FILE)
            connection.execute(_FOUND.format(**forms), [number, table])
            inputs = run.info["inputs"]
            sums = {item["source"]: item.get("xxh3") for item in inputs}
            files = [f"{number}:", table, [*sums], [*sums.values()]]
            connection.execute(_PLACES.format(**forms), files)
        connection.execute(_TEXTS)

    def _add_wordings(self) -> None:
        """Add the digest of each text that the runs show, and that of its canonical
        text, by which indexes of different tweets recognise the same text.
        """
        query = (
            f"SELECT DISTINCT {_DIGEST} AS digest, tweet "
            "FROM read_parquet(?) WHERE counted AND has_text AND digest NOT IN "
            "(FROM wordings SELECT digest)"
        )
        for run in self._runs:
            cursor = self._connection.cursor()
            cursor.execute(query, [str(run.path / MATCHES_FILE)])
            while rows := cursor.fetchmany(WORDINGS):
                texts = canonical([text for _, text in rows])
                wordings = [xxhash.xxh3_64_intdigest(text.encode()) for text in texts]
                self._connection.execute(
                    "INSERT INTO wordings SELECT unnest(?::UBIGINT[]), "
                    "unnest(?::UBIGINT[])",
                    [[digest for digest, _ in rows], wordings],
                )
            cursor.close()

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        found = self._connection.execute(query)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def reservations(self) -> list[str]:
        """Check that the ids of tweets identify the licensed texts in all runs. Return
        reservations, one sentence for each.
        """
        notes = [ONCE]
        found = self.rows(
            "SELECT run, sum(findings)::BIGINT AS findings FROM found GROUP BY run"
        )
        by_run = {row["run"]: row for row in found}
        for number, run in enumerate(self._runs):
            row = by_run.get(number, {"findings": 0})
            stated = run.summary["findings"]
            if row["findings"] != stated:
                raise InputError(
                    f"{run.path}: matches.parquet has {row['findings']:,} "
                    f"findings but summary.json has {stated:,}, so the "
                    "files belong to different runs: run match again"
                )
        if (shared := self.rows(_SHARED)[0]["ids"]) and len(self._indexes) == 1:
            notes.append(
                f"{several(shared, 'tweet id has', 'tweet ids have')} several texts. "
                "Each of these texts is counted. The number of tweets of the most "
                "frequent one is used for all of them, so the totals of tweets may be "
                "too high."
            )
        if len(self._indexes) > 1:
            notes.append(
                f"The runs used {len(self._indexes)} different indexes. A text that "
                "several of them have counts once, with the highest number of tweets "
                "in any of them, so the totals of tweets may be too low. In runs that "
                "withhold texts, texts that differ only in links, names, case or "
                "punctuation count separately."
            )
        return notes

    def breakdown(self, key: str, order: str = "name NULLS LAST") -> str:
        """Return a query that counts texts, tweets and findings by the SQL expression
        ``key``, with a column for the number of texts in each run.
        """
        by_run = ", ".join(
            f"count(*) FILTER ({found}) AS {name}"
            for name, found in self._in_run.items()
        )
        return (
            f"SELECT * FROM (SELECT {key} AS name, {_SUMS}, {by_run} FROM texts "
            f"GROUP BY 1) ORDER BY {order}"
        )

    @property
    def texts(self) -> str:
        """A query of all texts, beginning with those that are in the most runs."""
        in_run = ", ".join(f"{found} AS {name}" for name, found in self._in_run.items())
        return (
            f"SELECT tweet_id, author, {_DAY} AS day, tweets, findings, "
            f"bit_count(found_in)::INTEGER AS runs, {in_run} FROM texts "
            "ORDER BY runs DESC, findings DESC, tweet_id, digest"
        )

    def write(self, query: str, path: Path) -> None:
        """Write the rows of a query as a Parquet file."""
        self._connection.execute(
            f"COPY ({query}) TO {_quoted(path)} (FORMAT parquet, COMPRESSION zstd)"
        )


def period(days: Sequence[date]) -> str:
    """Return an SQL expression for the licence period of a text, given the first day of
    each period.
    """
    ends = [day - timedelta(1) for day in days]
    names = [f"{day} to {end}" for day, end in zip(days, ends[1:], strict=False)]
    names = [f"until {ends[0]}", *names, f"from {days[-1]}"] if days else ["any time"]
    cases = "".join(
        f" WHEN ms < epoch_ms(TIMESTAMP '{day}') THEN '{name}'"
        for day, name in zip(days, names, strict=False)
    )
    return f"CASE WHEN ms IS NULL THEN NULL{cases} ELSE '{names[-1]}' END"
