"""`alkit label`: answer the open query in a browser."""

from __future__ import annotations

import contextlib
import getpass
import os
import sys
import webbrowser
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import click

from alkit.cli.opening import open_campaign
from alkit.cli.options import campaign_option, device_option
from alkit.label_app.session import LabelSession
from alkit.utils.counts import counted
from alkit.utils.extras import need

if TYPE_CHECKING:
    from alkit.label_app.session import LabelSession


EXAMPLES = """\b
Examples:
  alkit label --campaign birds
  alkit label --annotator ada --show-guess
  alkit label --guidelines guidelines/birds.md
  alkit label --no-browser --port 8000
"""

DRAWN = {"mask": "masks", "boxes": "boxes"}
ELSEWHERE = "'?' shows the model's, Enter accepts them; 'alkit export' writes the query for a tool that draws"


@click.command("label", short_help="Answer the open query in the browser.", epilog=EXAMPLES)
@campaign_option
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="N",
    help="Port of the page.  [default: any free port]",
)
@click.option("--annotator", metavar="NAME", help="Who answers.  [default: your login name]")
@click.option("--show-guess", is_flag=True, help="Always show the model's guess.")
@click.option(
    "--guidelines",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Guidelines to show: a Markdown or text file. What is under a heading with the name of a class is "
    "about that class, and the pictures there are examples.",
)
@click.option("--no-browser", is_flag=True, help="Only print the address; do not open a browser.")
@device_option
def command(
    campaign: str | None,
    port: int,
    annotator: str | None,
    show_guess: bool,
    guidelines: Path | None,
    no_browser: bool,
    device: str,
) -> None:
    """Answer the open query on a web page that only this machine can reach; Ctrl-C stops it.

    Each answer is recorded as soon as it is given, so closing the page or stopping this command loses none.
    When all images are answered, the page can ask for the next ones, which are computed on the device.
    Other commands can be used at the same time.
    """
    need("werkzeug", "label")
    from alkit.label_app.guidelines import read_guidelines  # noqa: PLC0415  # numpy is slow to import
    from alkit.label_app.page import HOST, Page  # noqa: PLC0415  # Pillow is slow to import
    from alkit.label_app.server import serving  # noqa: PLC0415  # an extra

    shown = None if guidelines is None else read_guidelines(guidelines)
    with ThreadPoolExecutor(1) as recorder:  # a ledger belongs to the thread that opened it
        session = recorder.submit(_open_session, campaign, annotator or _login_name()).result()
        try:
            page = Page(session, recorder, show_guess=show_guess, guidelines=shown, device=device)
            with contextlib.closing(page), serving(page, port) as server:
                root = f"http://{HOST}:{server.port}"
                click.echo(f"labeling page  {root}/{page.token}/")
                click.echo("Ctrl-C stops it; all answers are already recorded", err=True)
                kind = recorder.submit(lambda: session.campaign.settings.labels).result()
                if kind in DRAWN:
                    click.echo(f"{DRAWN[kind]} are not drawn on this page: {ELSEWHERE}", err=True)
                if not no_browser and _has_screen():
                    webbrowser.open(f"{root}/{page.invitation}")
                server.serve_forever()
                if page.asking.running:
                    click.echo("stopping the choice of the next images; nothing of it is recorded", err=True)
        finally:
            still_open = recorder.submit(_close_session, session).result()
    click.echo(f"\n{counted(session.taken, 'answer')} recorded, {counted(still_open, 'image')} still open")


def _open_session(directory: str | None, annotator: str) -> LabelSession:

    campaign = open_campaign(directory)
    try:
        return LabelSession(campaign, annotator)
    except BaseException:
        campaign.close()
        raise


def _close_session(session: LabelSession) -> int:
    """Close the campaign; return how many images of the query are still open."""
    try:
        session.look()
        return len(session.query().unanswered)
    finally:
        session.campaign.close()


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # a user without a name
        return ""


def _has_screen() -> bool:
    """Say whether a browser would open a window; a text browser would take over the terminal."""
    return sys.platform in ("darwin", "win32") or any(
        os.environ.get(v) for v in ("DISPLAY", "WAYLAND_DISPLAY")
    )
