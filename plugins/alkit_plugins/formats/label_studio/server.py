"""A running Label Studio: the project of a campaign, its tasks, and their annotations."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from alkit import AlkitError
from alkit.errors import InvalidOption
from alkit.interfaces import Push, Server

TITLE_LENGTH = 50
SECONDS = 60.0  # to wait for a response
CHUNK_TASKS, CHUNK_BYTES = 250, 2 * 10**7  # in one request
SEQUENTIAL = "Sequential sampling"  # tasks are offered in the order in which they were added


def push(
    tasks: Sequence[Mapping[str, Any]],
    configuration: str,
    server: Server,
    title: str,
    campaign: str,
    storage: str | None,
) -> Push:
    """Import the tasks that a project does not have yet.

    Args:
        tasks: tasks in rank order.
        configuration: labeling configuration of the campaign's own project; other projects keep theirs.
        server: the server to send them to.
        title: title of a new project.
        campaign: identity that finds the project again.
        storage: folder on the server's disk to serve images from, or None.
    """
    with _client(server) as client:
        project = server.project or _own_project(client, campaign)
        if project is None:
            project = client.projects.create(
                title=_title(title),
                description=_mark(campaign),
                label_config=configuration,
                sampling=SEQUENTIAL,
            ).id
        elif server.project is None:
            client.projects.update(project, label_config=configuration)
        else:
            client.projects.get(project)
        if storage is not None:
            _serve(client, project, storage)
        there = {_key(task.data) for task in client.tasks.list(project=project, fields="all")}
        fresh = [task for task in tasks if _key(task["data"]) not in there]
        for chunk in _chunks(fresh):
            client.projects.import_tasks(project, request=chunk)
        return Push(project, len(fresh), len(tasks) - len(fresh))


def pull(server: Server, campaign: str) -> Any:
    """Fetch the export of a project: all tasks with annotations, including skipped ones."""
    with _client(server) as client:
        project = server.project or _own_project(client, campaign)
        if project is None:
            raise InvalidOption(
                f"{server.shown} has no project of this campaign; make one with 'alkit labelstudio push'"
            )
        return json.loads(b"".join(client.projects.exports.download_sync(project, export_type="JSON")))


@contextlib.contextmanager
def _client(server: Server) -> Iterator[Any]:
    """Yield a client, and turn its errors into one sentence, which never contains the token."""
    try:
        import httpx  # noqa: PLC0415  # an extra
        from label_studio_sdk import LabelStudio  # noqa: PLC0415  # an extra
        from label_studio_sdk.core.api_error import ApiError  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise InvalidOption(
            "Label Studio's SDK is not installed; install it with: pip install 'alkit[label-studio]'"
        ) from error
    try:
        with httpx.Client(timeout=SECONDS, follow_redirects=True) as line:
            yield LabelStudio(base_url=server.url.rstrip("/"), api_key=server.token, httpx_client=line)
    except ApiError as error:
        raise AlkitError(
            f"Label Studio at {server.shown} {_refusal(error.status_code, error.body)}"
        ) from None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise AlkitError(
            f"{server.shown} does not respond like Label Studio ({type(error).__name__}); check --url"
        ) from None


def _refusal(status: int | None, body: Any) -> str:
    if status == 401:
        return "rejects the token; get a valid one from its page 'Account & Settings'"
    if status == 404:
        return "has no such project, or you do not have access to it"
    detail = body.get("validation_errors") or body.get("detail") if isinstance(body, dict) else None
    return (
        f"rejects the request (status {status}): {' '.join(str(detail or 'no reason given').split())[:200]}"
    )


def _mark(campaign: str) -> str:
    return f"alkit campaign {campaign}"


def _title(title: str) -> str:
    return f"alkit: {title}"[:TITLE_LENGTH]


def _own_project(client: Any, campaign: str) -> int | None:
    """Return the oldest project with the campaign's mark."""
    found = [project.id for project in client.projects.list() if project.description == _mark(campaign)]
    return min(found, default=None)


def _serve(client: Any, project: int, folder: str) -> None:
    """Let Label Studio serve a folder; it needs a storage that covers the folder to find the images."""
    if all(storage.path != folder for storage in client.import_storage.local.list(project=project)):
        client.import_storage.local.create(project=project, path=folder, use_blob_urls=True, title="alkit")


def _key(data: Any) -> tuple[Any, ...]:
    known = data if isinstance(data, dict) else {}
    return known.get("alkit_index"), known.get("alkit_hash"), known.get("alkit_query")


def _chunks(tasks: Sequence[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    chunk: list[Mapping[str, Any]] = []
    size = 0
    for task in tasks:
        bytes_ = len(task["data"]["image"])
        if chunk and (len(chunk) == CHUNK_TASKS or size + bytes_ > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(task)
        size += bytes_
    if chunk:
        yield chunk
