"""Choosing the next images while the page stays open: in a thread of its own, with its progress."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alkit.campaign.campaign import Campaign
from alkit.errors import AlkitError, CampaignLocked, UsageError

if TYPE_CHECKING:
    from alkit.utils.progress import Bar


class Stopping(BaseException):
    """Somebody has stopped the choice; like Ctrl-C, nobody on the way takes it for a failure."""


class Asking:
    """Asks a campaign for its next query, one at a time; safe to use from many threads.

    The campaign is opened again for it, since a ledger belongs to the thread that opened it, so the page can
    be looked at meanwhile. A query is recorded whole or not at all, also if it is stopped.

    Args:
        directory: of the campaign.
        device: to compute on.
    """

    def __init__(self, directory: Path, device: str = "auto") -> None:
        self._directory, self._device = directory, device
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._shown: dict[str, Any] = {}
        self._began = 0.0

    @property
    def running(self) -> bool:
        """Whether images are being chosen."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, images: int) -> None:
        """Start to choose the next images.

        Raises:
            UsageError: that is not a number of images.
            CampaignLocked: it has been started before, and goes on.
        """
        if images < 1:
            raise UsageError("ask for at least one image")
        with self._lock:
            if self.running:
                raise CampaignLocked("the next images are being chosen already; wait until that is done")
            self._stop.clear()
            self._shown = {"images": images, "label": "", "done": 0, "total": 0, "note": "", "line": ""}
            self._began = time.monotonic()
            self._thread = threading.Thread(target=self._work, args=(images,), daemon=True)
            self._thread.start()

    def request_stop(self) -> None:
        """Stop at the next step of the work."""
        self._stop.set()

    def stop(self) -> None:
        """Stop at the next step of the work, and wait for that."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def state(self) -> dict[str, Any] | None:
        """Return how far it is, as JSON values: `query` or `error` when it is done; None if never started."""
        shown = dict(self._shown)
        if not shown:
            return None
        running = self.running and not shown.keys() & {"query", "error"}
        return {**shown, "running": running, "seconds": int(time.monotonic() - self._began)}

    def show(self, **shown: Any) -> None:
        """Take what is to be shown; this is where the work stops, if it should.

        Raises:
            Stopping: it should.
        """
        if self._stop.is_set():
            raise Stopping
        self._shown = {**self._shown, **shown}

    def _work(self, images: int) -> None:
        try:
            with Campaign(self._directory, device=self._device, progress=_Shown(self)) as campaign:
                query = campaign.ask(images)
            ended: dict[str, Any] = {"query": query.number}
        except Stopping:
            ended = {"error": "stopped; nothing was recorded"}
        except AlkitError as error:
            ended = {"error": str(error)}
        except Exception as error:  # a plugin may raise anything, and a bug keeps its traceback
            traceback.print_exc(file=sys.stderr)
            failed = f"choosing failed with {type(error).__name__}: {error}"
            ended = {"error": f"{failed}; the terminal of 'alkit label' shows where"}
        self._shown = {**self._shown, **ended}


class _Shown:
    """Progress for the page."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def line(self, text: str) -> None:
        """Show a sentence until the next one."""
        self._asking.show(line=text)

    @contextlib.contextmanager
    def bar(self, total: int, label: str) -> Iterator[Bar]:
        """Show a bar until the next one."""
        self._asking.show(label=label, total=total, done=0, note="")
        yield _ShownBar(self._asking)


class _ShownBar:
    def __init__(self, asking: Asking) -> None:
        self._asking, self._done = asking, 0

    def update(self, count: int, /) -> None:
        self._done += count
        self._asking.show(done=self._done)

    def note(self, text: str, /) -> None:
        self._asking.show(note=text)
