"""``provscan serve``: a page and an HTTP API that look texts up."""

from __future__ import annotations

from contextlib import suppress

import click

from provscan import cli


@click.command("serve")
@cli.index_option("--index", "-i", help="Index of the licensed tweets.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on. One that other machines can reach needs a token.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8017,
    show_default=True,
    help="Port to listen on; 0 for any that is free.",
)
@click.option(
    "--token",
    envvar="PROVSCAN_TOKEN",
    show_envvar=True,
    metavar="TOKEN",
    help="What clients must send as `Authorization: Bearer TOKEN`, at least 16 "
    "characters. Other users of this machine can see options: use the variable.",
)
@click.option(
    "--rate",
    type=click.FloatRange(1),
    default=100.0,
    show_default=True,
    metavar="N",
    help="Requests a second that one client may send.",
)
@cli.quiet
def command(
    index: str, host: str, port: int, token: str | None, rate: float, quiet: bool
) -> None:
    """Serve a page with a box for text, and the same as an HTTP API.

    What a text shares with licensed tweets lights up while it is typed or pasted. The
    documentation of the API is served as /docs. An index that is replaced or appended
    to is taken up without a restart. Needs the extra `serve`.
    """
    from provscan.cli.compiling import compile_kernels
    from provscan.server import Limits, listen, serve

    listening = listen(host, port, token)
    name = f"[{host}]" if ":" in host else host
    compile_kernels(quiet)
    if not quiet:
        port = listening.getsockname()[1]
        cli.echo(f"provscan: http://{name}:{port} (Ctrl-C to stop)", err=True)
    # Ctrl-C is how a server is stopped.
    with listening, suppress(KeyboardInterrupt):
        serve(index, listening, token, Limits(rate=rate))
