"""``provscan room``."""

import click


@click.command("room")
def command() -> None:
    """Later."""
