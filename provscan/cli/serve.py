"""``provscan serve``: serve a page and an HTTP API that look up texts."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import click

from provscan import cli
from provscan.cli import shared


@click.command("serve")
@shared.index_option("--index", "-i", help="Index of the licensed tweets.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on. An address that other machines can reach needs a "
    "token.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8017,
    show_default=True,
    help="Port to listen on; 0 for any free port.",
)
@click.option(
    "--token",
    envvar="PROVSCAN_TOKEN",
    show_envvar=True,
    metavar="TOKEN",
    help="Token that clients must send as `Authorization: Bearer TOKEN`, at least 16 "
    "characters. Other users of this machine can see options: use the variable.",
)
@click.option(
    "--rate",
    type=click.FloatRange(1),
    default=100.0,
    show_default=True,
    metavar="N",
    help="Maximum requests per second from one client.",
)
@shared.quiet
def command(
    index: Path, host: str, port: int, token: str | None, rate: float, quiet: bool
) -> None:
    """Serve lookup as a web page and as an HTTP API.

    The page has a text box. Wording that a text shares with licensed tweets is
    highlighted while the text is typed or pasted. The documentation of the API is
    served as /docs. An index that is replaced or appended to is reloaded without a
    restart. Needs the extra `serve`.
    """
    from provscan.cli.compiling import compile_kernels
    from provscan.server import Limits, listen, serve

    listening = listen(host, port, token)
    name = f"[{host}]" if ":" in host else host
    compile_kernels(quiet)
    if not quiet:
        port = listening.getsockname()[1]
        cli.echo(f"provscan: http://{name}:{port} (Ctrl-C to stop)", err=True)
    # Ctrl-C is the normal way to stop the server.
    with listening, suppress(KeyboardInterrupt):
        serve(index, listening, token, Limits(rate=rate))
