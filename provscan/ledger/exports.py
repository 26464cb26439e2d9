"""Read the usage export of the platform.

A usage export (:func:`usage`) is the response to ``GET /2/usage/tweets`` of the X API:
tweets per day of a project and of each application.
"""

from __future__ import annotations

from datetime import date
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


def _number(value: Any) -> int:
    number = int(value)
    if not 0 <= number < 1 << 63:
        raise ValueError(f"{value} is not a number of tweets")
    return number
