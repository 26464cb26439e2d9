"""``provscan ledger``: compare what was accessed, held and used with the rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from provscan import cli
from provscan.cli import shared
from provscan.opening import open_regular

# In bytes.
LONGEST_KEY = 4096


@shared.command("ledger")
@shared.path_argument("logs", "[LOG...]", nargs=-1)
@shared.out_option(
    required=True,
    metavar="FOLDER",
    help="Folder for the report, the tables and the workbook.",
)
@shared.path_option(
    "--facts",
    metavar="FILE",
    help="Facts of the case (TOML): applications, holdings, uses, government end "
    "users, claims, policy packs.  [default: none; only access is reported]",
)
@shared.path_option(
    "--mapping",
    metavar="FILE",
    help="TOML file that maps the columns of the logs to their meanings.  [default: "
    "columns with usual names]",
)
@shared.path_option(
    "--secret",
    metavar="FILE",
    help="File with the secret for hashing the names of tokens and users.  "
    "[default: a new one]",
)
@shared.overwrite_folder
@shared.as_json
def command(
    logs: tuple[str, ...],
    out: Path,
    facts: Path | None,
    secret: Path | None,
    overwrite: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Compare what was accessed, held and used with the rules.

    LOG is an access log of a gateway or a client: JSON lines, CSV, Parquet, web server
    and load balancer logs or CloudTrail, or a folder or archive of them.
    Conduct on each day is compared with the rules that were in force on that day.
    """
    from provscan.cli import show
    from provscan.cli.progress import progress
    from provscan.ledger import ledger_lines, make_ledger, read_ledger

    key = None if secret is None else _secret(secret)
    with progress() as watcher:
        made = make_ledger(
            logs,
            out,
            case=facts,
            key=key,
            overwrite=overwrite,
            progress=watcher,
            **shared.given(**options),
        )
    found = read_ledger(made)
    show.result({"ledger": str(made), **found}, as_json, ledger_lines)
    calls = sum(row["calls"] for row in found["totals"] if row["scope"] == "all")
    if found["left_out"]["not_read"] or not calls:
        click.get_current_context().exit(cli.UNUSABLE)


def _secret(path: Path) -> str:
    """Read the key of hashed names."""
    from provscan.errors import InputError

    try:
        with open_regular(path) as file:
            secret = file.read(LONGEST_KEY + 1).decode("utf-8").strip()
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError:
        secret = ""
    if not secret or len(secret) > LONGEST_KEY:
        raise InputError(
            f"{path} is not a key: expected one line of text, such as that of "
            "`openssl rand -hex 32`"
        )
    return secret
