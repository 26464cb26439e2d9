"""Write one exhibit of a bundle as a page that proves it without the rest of the
bundle.

:func:`write_exhibit` writes the page. Its data are the row, the proof that it is in the
tree of its run, the statement with the root of that tree, and the signature.
:func:`read_page` reads these data, and checks that the page shows them and nothing
else. :func:`proof_problems` checks the proof.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from provscan.errors import InputError, UsageError
from provscan.handover.bag import PAYLOAD, Archive, digest_of
from provscan.handover.bundle import ENVELOPE, ROWS, STATEMENT
from provscan.handover.rows import rows_of
from provscan.handover.statement import (
    DAMAGED,
    canonical,
    hashes_of,
    read_canonical,
    runs_of,
)
from provscan.handover.tree import inclusion, leaf, levels, root_of
from provscan.opening import open_regular
from provscan.report.document import as_card
from provscan.report.document import page as render
from provscan.report.files import write_page
from provscan.runs.folder import MATCHES_FILE, last_line

# To check a page, its data are rendered again, and the two pages must be equal. A
# changed template therefore needs a new format, and pages of the old format need the
# old template.
FORMAT = "provscan-exhibit-1"
_DATA = re.compile(r'<script type="application/json" id="exhibit">(.*?)</script>', re.S)
MOST_BYTES = 1 << 24


def write_exhibit(
    bundle: str | os.PathLike[str],
    exhibit: str | int,
    out: str | os.PathLike[str],
    *,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write a page that proves one exhibit without the rest of the bundle.

    Parameters
    ----------
    bundle
        The archive.
    exhibit
        Number of the exhibit in the report. In a bundle of several runs, RUN/NUMBER,
        such as 2/17.
    out
        The page, by convention ``NAME.html``.
    overwrite
        Replace an existing file.

    Returns
    -------
    dict
        ``page``, the path; the number of the ``exhibit``; and the folder of its ``run``
        in the bundle.

    Raises
    ------
    InputError
        There is no such bundle or exhibit, or the bundle does not prove it.
    UsageError
        The bundle has several runs, and ``exhibit`` does not name one.
    """
    with Archive(Path(bundle)) as archive:
        try:
            data = exhibit_of(archive, exhibit)
        except DAMAGED as error:
            raise InputError(f"{bundle} has no intact exhibits: {error}") from error
    if problems := proof_problems(data):
        raise InputError(f"{bundle} does not prove this exhibit: {problems[0]}")
    page = write_page(Path(out), _page(data), overwrite=overwrite, inputs=[bundle])
    return {"page": str(page), "exhibit": data["row"]["exhibit"], "run": data["run"]}


def exhibit_of(archive: Archive, exhibit: str | int) -> dict[str, Any]:
    """Return an exhibit of a bundle, with its proof.

    Raises
    ------
    ValueError
        The files of the bundle can't be read.
    """
    statement = read_canonical(archive.read(STATEMENT))
    runs = [each["folder"] for each in runs_of(statement)]
    run, number = run_and_number(archive.path, runs, str(exhibit))
    if run not in runs:
        raise InputError(f"{archive.path} has no {run}")
    hashes = hashes_of(statement)
    table = f"{run}/{MATCHES_FILE}"
    if digest_of(partial(archive.open, table)).sha256 != hashes[table]:
        raise ValueError(f"{table} does not match {STATEMENT}")
    listed = archive.read(f"{run}/{ROWS}").split()
    with archive.open(table) as matches:
        for position, row in enumerate(rows_of(matches)):  # noqa: B007
            if row["exhibit"] == number:
                break
        else:
            raise InputError(f"{archive.path}: {run} has no exhibit {number}")
    tree = levels([bytes.fromhex(each.decode()) for each in listed])
    envelope = None
    if ENVELOPE in archive.entries:
        envelope = base64.b64encode(archive.read(ENVELOPE)).decode()
    return {
        "format": FORMAT,
        "run": run,
        "row": row,
        "number": position,
        "rows": len(listed),
        "proof": [each.hex() for each in inclusion(tree, position)],
        "statement": base64.b64encode(archive.read(STATEMENT)).decode(),
        "envelope": envelope,
    }


def read_page(path: Path) -> dict[str, Any]:
    """Read the data of the page of an exhibit.

    Raises
    ------
    InputError
        The file is not such a page.
    ValueError
        The page shows something other than its data.
    """
    try:
        with open_regular(path) as file:
            text = file.read(MOST_BYTES)
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from error
    found = _DATA.search(text.decode("utf-8", "replace"))
    if found is None:
        raise InputError(
            f"{path} is neither a bundle nor the page of an exhibit: name a file that "
            "provscan bundle wrote"
        )
    try:
        data: dict[str, Any] = json.loads(found[1])
        same = data["format"] == FORMAT and page_bytes(data) == text
    except (*DAMAGED, TemplateError) as error:
        raise ValueError(f"its data is damaged ({error!r})") from None
    if not same:
        raise ValueError(
            "it shows something other than its data, or another version of provscan "
            "wrote it"
        )
    return data


def proof_problems(data: Mapping[str, Any]) -> list[str]:
    """Return the problems of the proof of an exhibit. The signature is not checked."""
    try:
        statement = read_canonical(decoded(data, "statement") or b"")
        (run,) = [x for x in runs_of(statement) if x["folder"] == data["run"]]
        if run["rows"] != data["rows"]:
            return [f"the statement has {run['rows']} rows, not {data['rows']}"]
        path = [bytes.fromhex(each) for each in data["proof"]]
        hashed = leaf(canonical(data["row"]))
        root = root_of(hashed, data["number"], data["rows"], path)
    except DAMAGED as error:
        return [f"the proof is damaged: {error}"]
    if root.hex() != run["root"]:
        return [
            f"row {data['number']} is not in the tree whose root the statement names: "
            "the row or its proof was changed"
        ]
    return []


def decoded(data: Mapping[str, Any], name: str) -> bytes | None:
    """Decode the base64 value ``name`` of the data of an exhibit; return None if the
    data do not have it.

    Raises
    ------
    ValueError
        The value is not base64.
    """
    if (value := data[name]) is None:
        return None
    try:
        return base64.b64decode(value, validate=True)
    except (TypeError, binascii.Error) as error:
        raise ValueError(f"the {name} is damaged ({error})") from None


def run_and_number(path: Path, runs: Sequence[str], exhibit: str) -> tuple[str, int]:
    """Return the folder of the run and the number of an exhibit that the user names,
    for a bundle or a page with the statement on ``runs``.
    """
    named, _, number = exhibit.rpartition("/")
    if not number.isascii() or not number.isdigit():
        raise UsageError(
            f"{exhibit!r} is not an exhibit: expected a number such as 17, or the "
            "numbers of run and exhibit, such as 2/17"
        )
    if not named and len(runs) != 1:
        raise UsageError(
            f"{path} is of {len(runs)} runs, each with its own exhibits: name the run "
            f"as well, such as 1/{number}"
        )
    return f"{PAYLOAD}run-{named}" if named else runs[0], int(number)


def page_bytes(data: Mapping[str, Any]) -> bytes:
    """Return the bytes of the page that :func:`write_exhibit` writes."""
    text = _page(data).encode()
    return text + last_line(text)


def _page(data: Mapping[str, Any]) -> str:
    row = data["row"]
    # Escape each "<" in the data, so that the data can't close the script element.
    packed = json.dumps(data, ensure_ascii=True, sort_keys=True).replace("<", "\\u003c")
    return render(
        "exhibit.html",
        ("exhibit.css",),
        folder=Path(__file__).parent / "templates",
        data=data,
        # The page does not show the folders of the machine on which the run was made.
        row=as_card({**row, "source": row["source"].rpartition("/")[2]}),
        packed=packed,
    )
