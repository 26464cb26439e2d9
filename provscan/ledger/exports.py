"""Read usage exports of the platform, and digests of the log service.

A usage export (:func:`usage`) is the response to ``GET /2/usage/tweets`` of the X API:
tweets per day of a project and of each application. A CloudTrail digest
(:func:`digest`) lists the log files of an hour with their checksums, and names the
previous digest.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from provscan.errors import InputError
from provscan.ledger.logs import json_document
from provscan.readers.bytes.streams import ByteStream


def usage(stream: ByteStream, source: str) -> list[dict[str, Any]]:
    """Return the rows of the table ``usage``."""
    document = json_document(stream)
    try:
        data = document.get("data", document)
        project = data.get("project_id")
        listed: list[Any] = [(None, data.get("daily_project_usage") or {})]
        for each in data.get("daily_client_app_usage") or []:
            listed.append((str(each["client_app_id"]), each))
        return [
            {
                "source": source,
                "project": None if project is None else str(project),
                "application": application,
                "day": str(date.fromisoformat(str(day["date"])[:10])),
                "tweets": _number(day["usage"]),
            }
            for application, days in listed
            for day in (days.get("usage", []) if isinstance(days, dict) else days)
        ]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"it is not a usage export ({error!r})") from None


def digest(stream: ByteStream) -> dict[str, Any]:
    """Return the period of a digest, its log files, and the previous digest."""
    document = json_document(stream)
    try:
        return {
            "start": _time(document["digestStartTime"]),
            "end": _time(document["digestEndTime"]),
            "previous": str(document.get("previousDigestS3Object") or ""),
            "files": {
                str(each["s3Object"]): str(each["hashValue"]).lower()
                for each in document.get("logFiles") or []
            },
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"it is not a CloudTrail digest ({error!r})") from None


def _time(value: str) -> str:
    """Return a time in UTC, in a form whose order is that of the times."""
    time = datetime.fromisoformat(value)
    return (
        (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    )


def _number(value: Any) -> int:
    number = int(value)
    if not 0 <= number < 1 << 63:
        raise ValueError(f"{value} is not a number of tweets")
    return number
