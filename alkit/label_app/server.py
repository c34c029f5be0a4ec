"""The server of the labeling page: a few addresses below a secret one, on 127.0.0.1.

Werkzeug serves it: it is pure Python, the Pallets project maintains it, and its only dependency (MarkupSafe)
comes with torch.

Access requires the token, which is the first part of every address. The token therefore comes with each
request, and unlike a cookie the browser does not send it to other servers on this machine. Requests for a
foreign Host (a name made to resolve to this machine) are refused, and so are answers from other origins.
"""

from __future__ import annotations

import contextlib
import hmac
import importlib.resources
import secrets
import socket
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, TypeVar

from werkzeug.exceptions import BadRequest, Forbidden, HTTPException, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from alkit.errors import AlkitError, CampaignLocked, InvalidAnswers, SourceError, UnusableImage, UsageError
from alkit.utils.json_values import as_json

from .images import as_png, picture

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from .session import LabelSession


T = TypeVar("T")

HOST = "127.0.0.1"
NAMES = (HOST, "localhost")  # the port may differ if it is forwarded
MOST_BYTES = 16_384
FILES = {
    "": ("index.html", "text/html"),
    "style.css": ("style.css", "text/css"),
    "page.js": ("page.js", "text/javascript"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
}
ADDRESSES = Map(
    [
        *(Rule(f"/{name}", endpoint="file", defaults={"name": name}, methods=["GET"]) for name in FILES),
        Rule("/state", endpoint="state", methods=["GET"]),
        Rule("/image/<int:number>/<int:index>", endpoint="image", methods=["GET"]),
        Rule("/guess/<int:number>/<int:index>", endpoint="guess", methods=["GET"]),
        Rule("/answer", endpoint="answer", methods=["POST"]),
        Rule("/undo", endpoint="undo", methods=["POST"]),
    ],
    redirect_defaults=False,
)
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Page:
    """The application.

    Args:
        session: the session that the page shows.
        recorder: an executor with the one thread that opened the session's campaign; it records everything.
        show_guess: always show the model's guess, not only on request.
    """

    def __init__(self, session: LabelSession, recorder: Executor, *, show_guess: bool = False) -> None:
        self.session, self.show_guess = session, show_guess
        self.token = secrets.token_urlsafe(24)
        self.invitation = secrets.token_urlsafe(24)
        self._recorder = recorder
        self._source = session.campaign.source  # safe to read from many threads, once it is open

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request, as a WSGI application."""
        request = Request(environ)
        request.max_content_length = MOST_BYTES
        try:
            response = self._answered(request)
        except HTTPException as error:
            response = _json({"error": error.description}, error.code or 500)
        except CampaignLocked as error:
            response = _json({"error": str(error)}, 503)
        except InvalidAnswers as error:
            response = _json({"error": str(error)}, 422)
        except AlkitError as error:
            response = _json({"error": str(error)}, 500)
        response.headers.update(HEADERS)
        return response(environ, start_response)

    def _answered(self, request: Request) -> Response:
        with _understandable():
            host = request.host
        if _name(host) not in NAMES:
            raise Forbidden("this address only works on the machine itself")
        with _understandable():
            token, slash, rest = request.path.encode().decode()[1:].partition("/")
        if not slash and self._invited(token):
            return Response(status=303, headers={"Location": f"{self.token}/"})
        if not hmac.compare_digest(token.encode(), self.token.encode()) or not slash:
            raise Forbidden("the address has no valid token; use the address that 'alkit label' printed")
        if request.method == "POST":
            _check_origin(request)
        with _understandable():
            endpoint, values = ADDRESSES.bind(HOST).match(f"/{rest}", request.method)
        reply: Callable[..., Response] = getattr(self, f"_{endpoint}")
        return reply(request, **values)

    def _invited(self, word: str) -> bool:
        """Accept the invitation once: other users can see the address that a browser is started with."""
        invited = bool(self.invitation) and hmac.compare_digest(word.encode(), self.invitation.encode())
        if invited:
            self.invitation = ""
        return invited

    def _file(self, _: Request, name: str) -> Response:
        file, mimetype = FILES[name]
        return Response(importlib.resources.files(__package__).joinpath(file).read_bytes(), mimetype=mimetype)

    def _state(self, _: Request) -> Response:
        self._done(self.session.look)
        return self._shown()

    def _shown(self, **more: str) -> Response:
        return _json({**self._done(self.session.state), "show_guess": self.show_guess, **more})

    def _image(self, _: Request, number: int, index: int) -> Response:
        if not self.session.asked(number, index):
            raise NotFound(f"query {number} does not ask for image {index}")
        record = self.session.campaign.state.records[index]
        try:
            mimetype, content = picture(self._source, record)
        except (SourceError, UnusableImage):
            mimetype, content = as_png(self._done(lambda: self.session.stored_pixels(index)))
        return Response(content, mimetype=mimetype)

    def _guess(self, _: Request, number: int, index: int) -> Response:
        guess = self.session.guess(number, index)
        if guess is None:
            raise NotFound("the model has no guess for this image")
        return _json(guess._asdict())

    def _answer(self, request: Request) -> Response:
        given = _body(request, {"query": int, "index": int, "label": str, "saw_guess": bool})
        self._done(
            lambda: self.session.answer(
                given["query"], given["index"], given["label"], saw_guess=given["saw_guess"]
            )
        )
        return self._shown()

    def _undo(self, request: Request) -> Response:
        given = _body(request, {"query": int, "index": int})
        label = self._done(lambda: self.session.take_back(given["query"], given["index"]))
        return self._shown(taken_back=label)

    def _done(self, work: Callable[[], T]) -> T:
        return self._recorder.submit(work).result()


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


def _body(request: Request, wanted: dict[str, type]) -> dict[str, Any]:
    """Return the JSON object of a request, which must have exactly these keys and types."""
    with _understandable():
        given = request.get_json()
    if not isinstance(given, dict) or {key: type(value) for key, value in given.items()} != wanted:
        raise BadRequest(f"the request should be a JSON object with {', '.join(wanted)}")
    return given


@contextlib.contextmanager
def _understandable() -> Iterator[None]:
    """Refuse a request that the block cannot take apart, such as JSON of a thousand levels."""
    try:
        yield
    except HTTPException:
        raise
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise BadRequest("the request cannot be understood") from error


def _name(host: str) -> str:
    return host.rpartition(":")[0] if ":" in host else host


def _check_origin(request: Request) -> None:
    """Refuse requests from pages of another origin; programs other than browsers send neither header."""
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if origin not in (None, f"http://{request.host}") or site not in (None, "same-origin", "none"):
        raise Forbidden("only alkit's own page can send answers")


def _json(value: dict[str, Any], status: int = 200) -> Response:

    return Response(as_json(value), status, mimetype="application/json")
