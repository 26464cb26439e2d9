"""``provscan ledger``: what applications accessed, hold and use, against the rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from provscan import cli
from provscan.cli import shared
from provscan.cli.shared import option


@click.command("ledger", cls=shared.GroupedCommand)
@click.argument("logs", nargs=-1, metavar="[LOG...]", type=shared.LocalPath())
@option(
    "--out",
    "-o",
    required=True,
    type=shared.LocalPath(),
    metavar="FOLDER",
    help="New folder for the report, the tables and the workbook.",
)
@option(
    "--case",
    type=shared.LocalPath(),
    metavar="FILE",
    help="Case file (TOML): applications, holdings, uses, government end users, "
    "claims, policy packs.  [default: access alone]",
)
@option(
    "--mapping",
    type=shared.LocalPath(),
    metavar="FILE",
    help="TOML file that says which columns of the logs hold what.  [default: usual "
    "names]",
)
@option(
    "--key",
    type=shared.LocalPath(path_type=Path),
    metavar="FILE",
    help="File with the secret with which names of tokens and users are hashed.  "
    "[default: a new one]",
)
@shared.as_json
@shared.quiet
def command(
    logs: tuple[str, ...],
    out: str,
    key: Path | None,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Compare what was accessed, held and used with the rules.

    LOG are access logs of a gateway or a client: JSON lines, CSV, Parquet, web server
    and load balancer logs, CloudTrail, twarc.log, in folders and archives. Each conduct
    is compared with the version of the rule that was in force on its day. To resume an
    interrupted command, repeat it.
    """
    from provscan.cli import show
    from provscan.cli.progress import progress
    from provscan.ledger import ledger_lines, make_ledger, read_ledger

    secret = None if key is None else key.read_text(encoding="utf-8").strip()
    with progress(quiet) as watcher:
        made = make_ledger(
            logs, out, key=secret, progress=watcher, **shared.given(**options)
        )
    found = read_ledger(made)
    show.result({"ledger": str(made), **found}, as_json, ledger_lines)
    calls = sum(row["calls"] for row in found["totals"] if row["scope"] == "all")
    if found["left_out"]["not_read"] or not calls:
        click.get_current_context().exit(cli.UNUSABLE)
