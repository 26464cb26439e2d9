"""The explanatory texts of a bundle: its README and the draft of a certification."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

TEMPLATES = Path(__file__).parent / "templates"

TEXTS = "The bundle contains texts of the dataset and of licensed tweets."
NO_TEXTS = """\
The bundle was written without texts (--digests). Each passage and tweet of a finding is
replaced by the SHA-256 digest of its UTF-8; the context of findings and the texts of
other matches were left out. The bundle still contains the names of the dataset's files
and fields, the ids of records, the positions of the matches, the ids, authors, times,
languages and links of tweets, and all scores and figures. Anyone who has a text can
compute its digest and compare it. run.json contains the checksums of the original
tables in "original"."""
HASHED = """\
inputs.json contains the SHA-256 of each local input and of each file of the index,
computed when the bundle was made, after their XXH3-128 had been compared with the one
that the run or the manifest of the index recorded. Remote inputs and data in memory
have no SHA-256."""
NOT_HASHED = """\
run.json identifies inputs by size and XXH3-128, and the index by a fingerprint. These
reveal accidental changes, but do not prevent forgery. Remote inputs, data in memory and
partly read files have no checksum. (`provscan bundle --hash-inputs` adds SHA-256.)"""
RUN = """
   {folder}: provscan {provscan}, Python {python}, {platform};
   from {started} to {finished};
   index {index}; {records:,} records.
   Result: {headline}
"""
ERRORS = """
   {folder}: {planted:,} test copies were planted, {found:,} were detected, and
   {counted:,} were strong enough to count.
   {chance}
"""
NO_CHANCE = "Chance was not measured, so no rate of false findings is known."
CHANCE = "Chance explains about {chance:,.0f} of {findings:,.0f} records with findings."


def readme(*, texts: bool, hashed: bool) -> bytes:
    """Return ``README.txt`` of a bundle. ``texts`` says whether the bundle has texts,
    and ``hashed`` whether it has the SHA-256 of inputs.
    """
    text = (TEMPLATES / "README.txt").read_text(encoding="utf-8")
    return text.format(
        texts=TEXTS if texts else NO_TEXTS, inputs=HASHED if hashed else NOT_HASHED
    ).encode()


def certification(
    runs: Iterable[tuple[str, Mapping[str, Any], Mapping[str, Any]]],
) -> bytes:
    """Return the draft of a certification for runs, each given as its folder in the
    bundle, ``summary.json`` and ``run.json``.
    """
    about, errors = "", ""
    for folder, summary, info in runs:
        records = summary["answer"]["records"]
        about += RUN.format(
            folder=folder,
            headline=summary["answer"]["headline"],
            records=summary["records"],
            index=info["index"]["fingerprint"],
            **{name: info[name] for name in ("started", "finished")},
            **{
                name: info["versions"][name]
                for name in ("provscan", "python", "platform")
            },
        )
        chance = NO_CHANCE if records["chance"] is None else CHANCE.format(**records)
        errors += ERRORS.format(folder=folder, chance=chance, **summary["recall"])
    text = (TEMPLATES / "certification.txt").read_text(encoding="utf-8")
    return text.format(runs=about, errors=errors).encode()
