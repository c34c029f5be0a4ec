"""Making a campaign all or nothing: in a hidden draft, moved to its place with the settings last."""

from __future__ import annotations

import contextlib
import errno
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from alkit.campaign.record.ledger import holds_events
from alkit.errors import CampaignError
from alkit.labeling.mask_files import FOLDER as MASKS
from alkit.utils.files import sync_folder

from .session import LEDGER, LOCK, SETTINGS

DRAFT = ".alkit-draft-"
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)  # of writing, whatever was being done


def check_free(directory: Path) -> None:
    """Refuse a directory in which anything is recorded.

    Raises:
        CampaignError: it holds a campaign or the remains of one.
    """
    if (directory / SETTINGS).exists():
        raise CampaignError(
            f"{directory} already holds a campaign; use another directory, or take over its answers into "
            "another one with 'alkit fork'"
        )
    if holds_events(directory / LEDGER):
        raise CampaignError(
            f"{directory} holds the {LEDGER} of a campaign but its {SETTINGS} is missing; restore it from a "
            "backup, or use another directory"
        )


def clear_half_moved(directory: Path) -> None:
    """Remove the ledger of a process that was killed while it moved in.

    Such a process leaves a draft that still has its settings but not its ledger; nobody has used that
    ledger, because without settings there is no campaign yet.
    """
    for draft in directory.glob(f"{DRAFT}*"):
        moved = (draft / SETTINGS).exists() and not (draft / LEDGER).exists()
        if moved and not (directory / SETTINGS).exists():
            with contextlib.suppress(Timeout, OSError), FileLock(draft / LOCK, timeout=0):
                (directory / LEDGER).unlink(missing_ok=True)
                shutil.rmtree(draft, ignore_errors=True)


@contextlib.contextmanager
def draft_in(directory: Path) -> Iterator[Path]:
    """Give a hidden folder in `directory` to make a campaign in; unless it becomes one, nothing stays.

    A draft is locked while it is worked on, so drafts of killed processes are recognized and removed.

    Raises:
        CampaignError: the directory cannot be written.
    """
    new = [path for path in (directory, *directory.parents) if not path.exists()]
    try:
        with os_errors_named(directory):
            directory.mkdir(parents=True, exist_ok=True)
            for stale in directory.glob(f"{DRAFT}*"):
                with contextlib.suppress(Timeout), FileLock(stale / LOCK, timeout=0):
                    shutil.rmtree(stale, ignore_errors=True)
            draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=directory))
        try:
            with FileLock(draft / LOCK):
                yield draft
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    finally:
        if new and not (directory / SETTINGS).exists():
            with contextlib.suppress(OSError):
                (directory / LOCK).unlink(missing_ok=True)
                for path in new:
                    path.rmdir()


@contextlib.contextmanager
def os_errors_named(directory: Path) -> Iterator[None]:
    """Say what the system refused: writing the campaign, or reading something for it."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        path = None if error.filename is None else Path(error.filename).absolute()
        if path is None and error.errno not in DISK:
            raise CampaignError(f"cannot make a campaign in {directory}: {reason}") from error
        own = (directory.absolute(), *directory.absolute().parents)
        if path is None or error.errno in DISK or path in own or own[0] in path.parents:
            raise CampaignError(f"{directory} cannot be written: {reason}") from error
        raise CampaignError(f"{path} cannot be read: {reason}") from error


def move_in(draft: Path, directory: Path) -> None:
    """Move a draft to its place; the settings come last, because they make it a campaign.

    Raises:
        CampaignError: there is a campaign by now.
    """
    with FileLock(directory / LOCK):
        check_free(directory)
        for rest in (f"{LEDGER}-wal", f"{LEDGER}-shm"):  # of a ledger without events, or of no ledger
            (directory / rest).unlink(missing_ok=True)
        moved: list[Path] = []
        try:
            (directory / "cache").mkdir(exist_ok=True)
            # Masks are named by their content: they are never in the way.
            large = [draft / MASKS] if (draft / MASKS).exists() else []
            for path in large:
                (directory / path.name).mkdir(exist_ok=True)
            files = [file for folder in (draft / "cache", *large) for file in sorted(folder.iterdir())]
            for path in (*files, draft / LEDGER, draft / SETTINGS):
                moved.append(directory / path.relative_to(draft))
                path.replace(moved[-1])
            sync_folder(directory)
        except BaseException:
            for path in reversed(moved):
                path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                (directory / "cache").rmdir()
            raise
