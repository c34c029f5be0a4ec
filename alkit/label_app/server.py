"""The server of the labeling page, on 127.0.0.1.

Werkzeug serves it: it is pure Python, the Pallets project maintains it, and its only dependency (MarkupSafe)
comes with torch.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from alkit.errors import UsageError
from alkit.utils.json_values import as_json

from .page import HEADERS, HOST

if TYPE_CHECKING:
    from .page import Page


class _Handler(WSGIRequestHandler):
    """Logs no requests, since their addresses contain the token; refuses what is not HTTP like the page."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass

    def log_error(self, format: str, *args: Any) -> None:
        pass

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a request that the server itself cannot read."""
        content = as_json({"error": "the request cannot be understood"}).encode()
        if not hasattr(self, "request_version") or self.request_version == "HTTP/0.9":
            self.request_version = "HTTP/1.0"  # older requests get no headers
        self.send_response(400)
        length = {"Content-Type": "application/json", "Content-Length": str(len(content))}
        for name, value in {**HEADERS, **length, "Connection": "close"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = True


@contextlib.contextmanager
def serving(page: Page, port: int = 0) -> Iterator[BaseWSGIServer]:
    """Open the port (0: any free port) and yield the server; its `serve_forever` returns on Ctrl-C.

    Raises:
        UsageError: the port is not available.
    """
    try:
        listening = socket.create_server((HOST, port))
    except OSError as error:
        raise UsageError(
            f"port {port} is not available ({error.strerror}); choose another with --port"
        ) from error
    with listening:
        server = make_server(HOST, port, page, threaded=True, request_handler=_Handler, fd=listening.fileno())
        try:
            yield server
        finally:
            server.server_close()
