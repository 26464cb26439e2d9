"""Write the rules and their versions by date to the table ``rules``.

Conduct is compared with the version that applied on its day. Before the first dated
version, no rule is known. A version without a date is listed but never applied.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from provscan.ledger.database import Database, add_table
from provscan.ledger.inputs import Row

RULES = """pack VARCHAR, rule VARCHAR, kind VARCHAR, title VARCHAR, scope VARCHAR,
    endpoints VARCHAR[], tiers VARCHAR[], window_minutes BIGINT, assumes VARCHAR,
    version VARCHAR, dated VARCHAR, from_day DATE, until_day DATE, until_dated VARCHAR,
    value BIGINT, says VARCHAR, clause VARCHAR, source VARCHAR, text_sha256 VARCHAR,
    contradicts VARCHAR[]"""
"""The columns of ``rules``. A version applies from ``from_day`` until the day before
``until_day``, on which the next version begins. ``dated`` and ``until_dated`` give the
kinds of these two dates. A row without a version covers the days before the first
version. ``contradicts`` names rules on the same subject that give other values for a
common day; all of these rules are applied.
"""
SAME = ("kind", "scope", "endpoints", "tiers", "window_minutes")


def add_rules(db: Database, packs: Sequence[Row]) -> None:
    """Add the table ``rules``, with all versions of the rules of some packs."""
    rows = [
        row for pack in packs for rule in pack["rules"] for row in _rows(pack, rule)
    ]
    for row in rows:
        row["contradicts"] = [
            f"{other['rule']}, {other['version']}"
            for other in rows
            if (other["pack"], other["rule"]) != (row["pack"], row["rule"])
            and all(other[name] == row[name] for name in SAME)
            and None not in (row["value"], other["value"])
            and other["value"] != row["value"]
            and _overlap(row, other)
        ]
    add_table(db, "rules", RULES, rows)


def _rows(pack: Row, rule: Row) -> Iterator[Row]:
    """Yield rows for the versions of a rule and for the days before the first one."""
    shared = {
        **rule,
        "pack": pack["name"],
        "rule": rule["id"],
        "scope": rule["scope"] or "application",
        "endpoints": rule["endpoints"] or ["*"],
        "tiers": rule["tiers"] or [],
    }
    nothing = dict.fromkeys(
        ("from_day", "until_day", "until_dated", "value", "version")
    )
    dated = [version for version in rule["versions"] if version["date"]]
    for version in rule["versions"]:
        if version not in dated:
            yield {**shared, **nothing, **version, "version": "without a date"}
    starts = [date.min, *(version["date"] for version in dated)] if dated else []
    unknown = dict.fromkeys(("dated", "clause", "source", "text_sha256"), "unknown")
    for start, version, after in zip(
        starts, [None, *dated], [*dated, None], strict=False
    ):
        yield {
            **shared,
            **nothing,
            **(version or {**unknown, "says": "No version is known for these days."}),
            "version": version and str(start),
            "from_day": start,
            "until_day": after["date"] if after else date.max,
            "until_dated": after and after["dated"],
        }


def _overlap(one: Row, other: Row) -> bool:
    """Return whether two versions may apply on a common day."""
    if one["from_day"] is None or other["from_day"] is None:
        return one["from_day"] is other["from_day"]
    starts = max(one["from_day"], other["from_day"])
    return bool(starts < min(one["until_day"], other["until_day"]))
