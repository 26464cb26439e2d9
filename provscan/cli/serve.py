"""``provscan serve``: serve a page and an HTTP API that look up texts."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import click

from provscan import cli
from provscan.cli import shared
from provscan.cli.shared import option


@shared.command("serve")
@shared.index_option("--index", "-i", help="Index of the licensed tweets.")
@option(
    "--host",
    default="127.0.0.1",
    metavar="ADDRESS",
    show_default=True,
    help="Address to listen on. An address that other machines can reach needs a "
    "token.",
)
@option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    default=8017,
    show_default=True,
    help="Port to listen on; 0 for any free port.",
)
@shared.as_json
def command(index: Path, host: str, port: int, as_json: bool) -> None:
    """Serve a web page and an HTTP API that look up texts.

    The page has a text box. While a text is typed or pasted, the wording that it shares
    with licensed tweets is highlighted. The documentation of the API is at /docs. If
    the index is replaced or extended, it is reloaded without a restart. This command
    needs the extra `serve`.

    The environment variable PROVSCAN_TOKEN is the token that clients must send as
    `Authorization: Bearer TOKEN`, at least 16 characters.
    """
    from provscan.cli import show
    from provscan.cli.compiling import compile_kernels
    from provscan.index.format import read_manifest
    from provscan.server import listen, serve

    token = os.environ.get("PROVSCAN_TOKEN")
    read_manifest(index)
    listening = listen(host, port, token)
    name = f"[{host}]" if ":" in host else host
    compile_kernels()
    port = listening.getsockname()[1]
    url = f"http://{name}:{port}"
    # Ctrl-C is the normal way to stop the server.
    with listening, suppress(KeyboardInterrupt):
        if as_json:
            served = {"url": url, "index": str(index), "needs_token": token is not None}
            show.result(served, as_json, str)
        cli.echo(f"provscan: {url} (Ctrl-C to stop)", err=True)
        serve(index, listening, token)
