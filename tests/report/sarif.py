"""A JSON schema for the part of SARIF 2.1.0 that provscan writes.

It is stricter than the official schema: it forbids everything that provscan does not
write. It follows the standard (OASIS, errata 01) and the requirements of GitHub's code
scanning: a location has a line, a URI is relative or has a scheme, and sizes are
limited.
"""

from __future__ import annotations

from typing import Any


def closed(required: list[str], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": properties,
    }


def array(items: dict[str, Any], most: int | None = None) -> dict[str, Any]:
    limit = {} if most is None else {"maxItems": most}
    return {"type": "array", "items": items, **limit}


UNRESERVED, RESERVED = r"A-Za-z0-9._~\-", r":/?#\[\]@!$&'()*+,;="
LEVEL = {"enum": ["none", "note", "warning", "error"]}
STRING = {"type": "string", "minLength": 1}
MESSAGE = closed(["text"], text=STRING)
RULE = closed(
    ["id", "name", "shortDescription", "fullDescription", "defaultConfiguration"],
    id=STRING,
    name=STRING,
    shortDescription=MESSAGE,
    fullDescription=MESSAGE,
    defaultConfiguration=closed(["level"], level=LEVEL),
)
LOCATION = closed(
    ["physicalLocation", "logicalLocations", "message"],
    physicalLocation=closed(
        ["artifactLocation", "region"],
        artifactLocation=closed(
            ["uri"],
            uri={
                "type": "string",
                "format": "uri-reference",
                # A URI of the characters of RFC 3986, without an absolute path.
                "pattern": rf"^(?!/)([{UNRESERVED}{RESERVED}]|%[0-9A-F]{{2}})+$",
            },
        ),
        region=closed(["startLine"], startLine={"type": "integer", "minimum": 1}),
    ),
    logicalLocations=array(closed(["fullyQualifiedName"], fullyQualifiedName=STRING)),
    message=MESSAGE,
)
RESULT = closed(
    [
        "ruleId",
        "ruleIndex",
        "level",
        "message",
        "locations",
        "occurrenceCount",
        "partialFingerprints",
    ],
    ruleId=STRING,
    ruleIndex={"type": "integer", "minimum": 0},
    level=LEVEL,
    message=MESSAGE,
    locations={**array(LOCATION, 100), "minItems": 1},
    occurrenceCount={"type": "integer", "minimum": 1},
    partialFingerprints=closed(
        ["primaryLocationLineHash"],
        primaryLocationLineHash={"type": "string", "pattern": "^[0-9a-f]{32}$"},
    ),
    baselineState={"enum": ["new", "unchanged", "updated", "absent"]},
)
RUN = closed(
    ["tool", "invocations", "columnKind", "results", "properties"],
    tool=closed(
        ["driver"],
        driver=closed(
            ["name", "semanticVersion", "rules"],
            name=STRING,
            semanticVersion={"type": "string", "pattern": r"^\d+\.\d+\.\d+"},
            rules=array(RULE, 25_000),
        ),
    ),
    invocations=array(
        closed(
            ["executionSuccessful", "toolExecutionNotifications"],
            executionSuccessful={"type": "boolean"},
            toolExecutionNotifications=array(
                closed(["level", "message"], level=LEVEL, message=MESSAGE)
            ),
        )
    ),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    results=array(RESULT, 5_000),
    properties=closed(["status", "headline"], status=STRING, headline=STRING),
)
SCHEMA = closed(
    ["$schema", "version", "runs"],
    **{
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": array(RUN, 20),
    },
)
