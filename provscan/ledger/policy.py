"""Write the rules of policy packs and their versions to the table ``rules``.

Conduct is compared with the version that applied on the day of the conduct. Before the
first dated version, no rule is known. A version without a date is listed but never
applied. :func:`add_rules` lists the versions, and ``policy.sql`` finds the days on
which each of them applied.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from provscan.ledger.database import Database, add_table, run_script

VERSIONS = """pack VARCHAR, rule VARCHAR, kind VARCHAR, title VARCHAR, scope VARCHAR,
    endpoints VARCHAR[], tiers VARCHAR[], window_minutes BIGINT, assumes VARCHAR,
    date DATE, dated VARCHAR, value BIGINT, says VARCHAR, clause VARCHAR,
    source VARCHAR, text_sha256 VARCHAR"""


APPLICATIONS = """name VARCHAR, project VARCHAR, tier VARCHAR, government BOOLEAN,
    notice TIMESTAMPTZ"""


def add_applications(db: Database, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add the table ``applications`` of a case."""
    add_table(db, "applications", APPLICATIONS, rows)


def add_rules(db: Database, packs: Iterable[Mapping[str, Any]]) -> None:
    """Add the table ``rules``, with all versions of all rules of the packs."""
    versions = [
        {
            **rule,
            **version,
            "pack": pack["name"],
            "rule": rule["id"],
            "scope": rule["scope"] or "application",
            "endpoints": rule["endpoints"] or ["*"],
            "tiers": rule["tiers"] or [],
        }
        for pack in packs
        for rule in pack["rules"]
        for version in rule["versions"]
    ]
    add_table(db, "versions", VERSIONS, versions)
    run_script(db, "policy.sql")
