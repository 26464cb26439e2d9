"""Render the page for looking up a text, and the documentation of the API. Both are
self-contained and send requests only to this server.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from starlette.responses import HTMLResponse

from provscan import __version__
from provscan.report.document import content_policy, page
from provscan.server import Limits

TEMPLATES = Path(__file__).parent / "templates"


def live_page(locked: bool) -> HTMLResponse:
    """Return the page on which a text is typed. If the API is locked, the page asks for
    the token.
    """
    styles = ("page.css", "exhibits.css", "live.css")
    return _response(
        "live.html", styles, ("languages.js", "cards.js", "live.js"), locked=locked
    )


def api_page(
    schema: dict[str, Any], refusals: dict[int, str], limits: Limits
) -> HTMLResponse:
    """Return the documentation of the API, which is made from its OpenAPI schema."""
    shapes = {
        name: {"about": shape.get("description", ""), "fields": list(_fields(shape))}
        for name, shape in schema["components"]["schemas"].items()
    }
    return _response(
        "api.html",
        ("page.css", "live.css"),
        about=schema["info"]["description"],
        operations=list(_operations(schema)),
        shapes=shapes,
        refusals=refusals,
        limits=limits,
    )


def _response(
    template: str, styles: Sequence[str], scripts: Sequence[str] = (), **values: Any
) -> HTMLResponse:
    rules = ("connect-src 'self'",) if scripts else ()
    values["version"] = __version__
    text = page(template, styles, scripts, TEMPLATES, rules, **values)
    # Browsers ignore frame-ancestors in a page, so a header repeats the policy.
    policy = content_policy(styles, scripts, TEMPLATES, rules)
    headers = {"content-security-policy": f"{policy}; frame-ancestors 'none'"}
    return HTMLResponse(text, headers=headers)


def _operations(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield each method of each path, with the names of its schemas."""
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            request = operation.get("requestBody", {}).get("content", {})
            answer = operation["responses"]["200"].get("content", {})
            yield {
                "method": method.upper(),
                "path": path,
                "summary": operation["summary"],
                "description": operation.get("description", ""),
                "contents": [
                    (what, kind, _name(content))
                    for what, contents in (("Request", request), ("Answer", answer))
                    for kind, content in contents.items()
                ],
            }


def _name(content: dict[str, Any]) -> str:
    return str(content.get("schema", {}).get("$ref", "")).rsplit("/", 1)[-1]


def _fields(shape: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the name, type and meaning of each field of a schema."""
    for name, field in shape.get("properties", {}).items():
        yield name, _type(field), field.get("description", "")


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return str(field["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in field:
        return " or ".join(_type(item) for item in field["anyOf"])
    if "enum" in field:
        return ", ".join(field["enum"])
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}" if "items" in field else "list"
    return str(field.get("type", "any"))
