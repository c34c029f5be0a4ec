"""The application behind the labeling page: a few addresses below a secret one.

Access requires the token, which is the first part of every address. The token therefore comes with each
request, and unlike a cookie the browser does not send it to other servers on this machine. Requests for a
foreign Host (a name made to resolve to this machine) are refused, and so are answers from other origins.
"""

from __future__ import annotations

import hmac
import importlib.resources
import secrets
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout  # another class until Python 3.11
from typing import TYPE_CHECKING, Any, TypeVar

from werkzeug.exceptions import BadRequest, Forbidden, HTTPException, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from alkit.campaign.groups.vectors import Known
from alkit.data.sources.vectors import Vectors
from alkit.errors import AlkitError, CampaignLocked, InvalidAnswers, SourceError, UnusableImage, UsageError

from .alike import Compared, compare
from .asking import Asking
from .guidelines import Guidelines
from .images import ServedImage, as_png, picture, picture_of_file, thumbnail
from .requests import body_of, check_origin, json_response, name_of, understandable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from .session import LabelSession


T = TypeVar("T")

HOST = "127.0.0.1"
NAMES = (HOST, "localhost")  # the port may differ if it is forwarded
MOST_BYTES, MOST_BYTES_DRAWN = 16_384, 2**22  # of a request; of one with a mask or boxes
THUMBNAIL, EXAMPLE = 320, 640  # pixels per side
SECONDS_FOR_ALIKE = 5.0  # until the page is told to ask again
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
STATIC = importlib.resources.files(__package__).joinpath("static")
FILES = {
    "" if file.name == "index.html" else file.name: (file, TYPES[suffix])
    for file in STATIC.iterdir()
    if (suffix := f".{file.name.rpartition('.')[2]}") in TYPES
}
ADDRESSES = Map(
    [
        *(Rule(f"/{name}", endpoint="file", defaults={"name": name}, methods=["GET"]) for name in FILES),
        Rule("/state", endpoint="state", methods=["GET"]),
        Rule("/image/<int:number>/<int:index>", endpoint="image", methods=["GET"]),
        Rule("/drawn/<int:number>/<int:index>", endpoint="drawn", methods=["GET"]),
        Rule("/thumbnail/<int:number>/<int:index>", endpoint="thumbnail", methods=["GET"]),
        Rule("/guess/<int:number>/<int:index>", endpoint="guess", methods=["GET"]),
        Rule("/alike/<int:number>/<int:index>", endpoint="alike", methods=["GET"]),
        Rule("/order/<int:number>", endpoint="order", methods=["GET"]),
        Rule("/guidelines", endpoint="guidelines", methods=["GET"]),
        Rule("/example/<int:place>", endpoint="example", methods=["GET"]),
        Rule("/asking", endpoint="asking", methods=["GET"]),
        Rule("/answer", endpoint="answer", methods=["POST"]),
        Rule("/answers", endpoint="answers", methods=["POST"]),
        Rule("/undo", endpoint="undo", methods=["POST"]),
        Rule("/note", endpoint="note", methods=["POST"]),
        Rule("/ask", endpoint="ask", methods=["POST"]),
        Rule("/stop", endpoint="stop", methods=["POST"]),
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
        guidelines: for annotators.
        device: to choose the next images on.
    """

    def __init__(
        self,
        session: LabelSession,
        recorder: Executor,
        *,
        show_guess: bool = False,
        guidelines: Guidelines | None = None,
        device: str = "auto",
    ) -> None:
        self.session, self.show_guess = session, show_guess
        self.guidelines = Guidelines() if guidelines is None else guidelines
        self.asking = Asking(session.campaign.directory, device)
        self.token = secrets.token_urlsafe(24)
        self.invitation = secrets.token_urlsafe(24)
        self._recorder = recorder
        self._source = session.campaign.source  # safe to read from many threads, once it is open
        self._comparing = ThreadPoolExecutor(1)
        self._compared: dict[int, Future[Compared]] = {}

    def close(self) -> None:
        """Stop what is still going on; only afterwards may the campaign be closed."""
        self.asking.stop()
        self._comparing.shutdown(cancel_futures=True)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request, as a WSGI application."""
        request = Request(environ)
        request.max_content_length = MOST_BYTES_DRAWN if self.session.drawn_labels else MOST_BYTES
        try:
            response = self._answered(request)
        except HTTPException as error:
            response = json_response({"error": error.description}, error.code or 500)
        except CampaignLocked as error:
            response = json_response({"error": str(error)}, 503)
        except (InvalidAnswers, UsageError) as error:
            response = json_response({"error": str(error)}, 422)
        except AlkitError as error:
            response = json_response({"error": str(error)}, 500)
        response.headers.update(HEADERS)
        return response(environ, start_response)

    def _answered(self, request: Request) -> Response:
        with understandable():
            host = request.host
        if name_of(host) not in NAMES:
            raise Forbidden("this address only works on the machine itself")
        with understandable():
            token, slash, rest = request.path.encode().decode()[1:].partition("/")
        if not slash and self._invited(token):
            return Response(status=303, headers={"Location": f"{self.token}/"})
        if not hmac.compare_digest(token.encode(), self.token.encode()) or not slash:
            raise Forbidden("the address has no valid token; use the address that 'alkit label' printed")
        if request.method == "POST":
            check_origin(request)
        with understandable():
            endpoint, values = ADDRESSES.bind(HOST).match(f"/{rest}", request.method)
        reply: Callable[..., Response] = getattr(self, f"_{endpoint}")
        return reply(request, **values)

    def _invited(self, word: str) -> bool:
        """Accept the invitation once: other users can see the address that a browser is started with."""
        invited = bool(self.invitation) and hmac.compare_digest(word.encode(), self.invitation.encode())
        if invited:
            self.invitation = ""
        return invited

    # -- what is shown ---------------------------------------------------------------------------------

    def _file(self, _: Request, name: str) -> Response:
        file, mimetype = FILES[name]
        return Response(file.read_bytes(), mimetype=mimetype)

    def _state(self, _: Request) -> Response:
        self._done(self.session.look)
        return self._shown()

    def _shown(self, **more: Any) -> Response:
        own = {
            "show_guess": self.show_guess,
            "guidelines": bool(self.guidelines.content),
            "asking": self.asking.state(),
        }
        return json_response({**self._done(self.session.state), **own, **more})

    def _image(self, _: Request, number: int, index: int) -> Response:
        return _picture(self._served(number, index))

    def _drawn(self, _: Request, number: int, index: int) -> Response:
        """Return an image with what the model draws on it."""
        drawn = self._done(lambda: self.session.drawn(number, index))
        if drawn is None:
            raise NotFound("the model draws nothing on this image")
        return _picture(as_png(drawn))

    def _thumbnail(self, _: Request, number: int, index: int) -> Response:
        return _picture(thumbnail(self._served(number, index), THUMBNAIL))

    def _served(self, number: int, index: int) -> ServedImage:
        if not self.session.shown(number, index):
            raise NotFound(f"query {number} does not ask for image {index}")
        record = self.session.campaign.state.records[index]
        try:
            return picture(self._source, record)
        except (SourceError, UnusableImage):
            return as_png(self._done(lambda: self.session.stored_pixels(index)))

    def _guess(self, _: Request, number: int, index: int) -> Response:
        guess = self._done(lambda: self.session.guess(number, index))
        if guess is None:
            raise NotFound("the model has no guess for this image")
        return json_response(guess._asdict())

    def _guidelines(self, _: Request) -> Response:
        return json_response({"content": self.guidelines.content})

    def _example(self, _: Request, place: int) -> Response:
        if place >= len(self.guidelines.pictures):
            raise NotFound("the guidelines have no such picture")
        return _picture(thumbnail(picture_of_file(self.guidelines.pictures[place]), EXAMPLE))

    # -- images that look alike ------------------------------------------------------------------------

    def _alike(self, _: Request, number: int, index: int) -> Response:
        """Return images that are nearly the same as one of a query."""
        if not self.session.asked(number, index):
            raise NotFound(f"query {number} does not ask for image {index}")
        compared = self._comparison(number)
        found = [] if compared is None else compared.neighbors.get(index, [])
        return json_response(
            {"ready": compared is not None, "images": self._done(lambda: self.session.reveal(found))}
        )

    def _order(self, _: Request, number: int) -> Response:
        """Return the images of a query in an order in which similar ones are near each other."""
        if not 1 <= number <= len(self.session.campaign.queries):
            raise NotFound(f"there is no query {number}")
        compared = self._comparison(number)
        return json_response(
            {"ready": compared is not None, "order": [] if compared is None else compared.order}
        )

    def _comparison(self, number: int) -> Compared | None:
        """Return how the images of a query compare; None if that takes longer."""
        self._done(lambda: self._compare(number))
        try:
            return self._compared[number].result(SECONDS_FOR_ALIKE)
        except FutureTimeout:
            return None

    def _compare(self, number: int) -> None:
        if number not in self._compared:
            campaign = self.session.campaign
            indices = self.session.in_order(campaign.queries[number - 1])
            known = Known(
                campaign.directory / "cache",
                campaign.settings.image_shape,
                campaign.settings.pool.pixel_type,
                self._vectors(),
            )
            self._compared[number] = self._comparing.submit(compare, known, indices, campaign.pool.usable)

    def _vectors(self) -> npt.NDArray[np.floating[Any]] | None:
        """Return the vectors of a pool that consists of vectors, as it was listed."""
        source = self._source
        images = self.session.campaign.state.records
        if not isinstance(source, Vectors) or len(source.keys()) != len(images):
            return None
        return source.rows.values if images.are_called(source.keys()) else None

    # -- what is done ----------------------------------------------------------------------------------

    def _answer(self, request: Request) -> Response:
        given = body_of(request, {"query": int, "index": int, "label": str, "saw_guess": bool})
        return self._take(given, [given["index"]])

    def _answers(self, request: Request) -> Response:
        """Record the same answer to several images."""
        given = body_of(request, {"query": int, "indices": list, "label": str, "saw_guess": bool})
        indices = given["indices"]
        if not indices or any(type(index) is not int for index in indices):
            raise BadRequest("indices should be a list of whole numbers")
        return self._take(given, list(dict.fromkeys(indices)))

    def _take(self, given: Mapping[str, Any], indices: Sequence[int]) -> Response:
        query, label, saw_guess = given["query"], given["label"], given["saw_guess"]
        self._change(lambda: self.session.answer(query, indices, label, saw_guess=saw_guess))
        return self._shown()

    def _undo(self, request: Request) -> Response:
        given = body_of(request, {"query": int, "index": int})
        label, indices = self._change(lambda: self.session.take_back(given["query"], given["index"]))
        return self._shown(taken_back=label, indices=indices)

    def _note(self, request: Request) -> Response:
        given = body_of(request, {"query": int, "index": int, "text": str})
        self._change(lambda: self.session.note(given["query"], given["index"], given["text"]))
        return self._shown()

    def _ask(self, request: Request) -> Response:
        """Start to choose the next images, once all are answered."""
        images = body_of(request, {"images": int})["images"]
        self._done(lambda: self.session.check_answered())
        self.asking.start(images)
        return self._shown()

    def _asking(self, _: Request) -> Response:
        return json_response({"asking": self.asking.state()})

    def _stop(self, request: Request) -> Response:
        body_of(request, {})
        self.asking.request_stop()
        return json_response({"asking": self.asking.state()})

    def _change(self, work: Callable[[], T]) -> T:
        """Let the recorder do what changes the campaign, unless another thread is changing it."""
        if self.asking.running:
            raise CampaignLocked("the next images are being chosen; changes are recorded when that is done")
        return self._done(work)

    def _done(self, work: Callable[[], T]) -> T:
        return self._recorder.submit(work).result()


def _picture(shown: ServedImage) -> Response:
    return Response(shown.content, mimetype=shown.mimetype)
