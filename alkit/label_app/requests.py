"""What every request to the page has to be: understandable, and from the page itself."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from werkzeug.exceptions import BadRequest, Forbidden, HTTPException
from werkzeug.wrappers import Request, Response

from alkit.utils.json_values import as_json


def body_of(request: Request, wanted: dict[str, type]) -> dict[str, Any]:
    """Return the JSON object of a request, which must have exactly these keys and types."""
    with understandable():
        given = request.get_json()
    if not isinstance(given, dict) or {key: type(value) for key, value in given.items()} != wanted:
        raise BadRequest(f"the request should be a JSON object with {', '.join(wanted)}")
    return given


@contextlib.contextmanager
def understandable() -> Iterator[None]:
    """Refuse a request that the block cannot take apart, such as JSON of a thousand levels."""
    try:
        yield
    except HTTPException:
        raise
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise BadRequest("the request cannot be understood") from error


def name_of(host: str) -> str:
    """Return a host without its port."""
    return host.rpartition(":")[0] if ":" in host else host


def check_origin(request: Request) -> None:
    """Refuse requests from pages of another origin; programs other than browsers send neither header."""
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if origin not in (None, f"http://{request.host}") or site not in (None, "same-origin", "none"):
        raise Forbidden("only alkit's own page can send answers")


def json_response(value: dict[str, Any], status: int = 200) -> Response:
    """Return a JSON object."""
    return Response(as_json(value), status, mimetype="application/json")
