"""A whole query beside a plain PyTorch script that does the same job: load, train, score, pick.

    python benchmarks/whole_query.py --pool clothes/train --out benchmarks/results/whole-query

Both use the same decoded images, labels, network and recipe without augmentation (float32, one thread), score
all other images by entropy, and start in a new process each time, in turn. The plain script is in this file.
On a busy machine, compare the processor time. A query that is not timed comes first: it says which part of
the time goes where, see `query_parts.py`, and then what another strategy takes on the same labels.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import common
import numpy as np

BATCH = 256


def plain(folder: Path, given: argparse.Namespace) -> None:
    """Load, train, score and pick as a script without alkit does; print the picks."""
    import torch
    from plain import train_plain
    from torch.nn import functional

    from alkit_plugins.tasks.networks import find

    torch.set_num_threads(1)
    torch.manual_seed(0)
    pixels = torch.from_numpy(np.load(folder / "pool.npy", mmap_mode="c"))
    labeled, targets = (torch.from_numpy(np.load(folder / f"{name}.npy")) for name in ("labeled", "targets"))
    images = pixels[labeled].float() / 255
    mean, std = images.mean((0, 2, 3), keepdim=True), images.std((0, 2, 3), keepdim=True)
    network = find(given.model, images.shape[1], int(targets.max()) + 1, images.shape[2])()
    order = [torch.randperm(len(labeled)).split(given.batch) for _ in range(given.epochs)]
    settings = {"learning_rate": 0.025, "momentum": 0.9, "weight_decay": 5e-3}
    train_plain(network, (images - mean) / std, targets, order, **settings)
    scores = []
    with torch.inference_mode():
        for part in pixels.split(BATCH):
            logits = network((part.float() / 255 - mean) / std)
            scores.append(-(functional.softmax(logits, 1) * functional.log_softmax(logits, 1)).sum(1))
    entropy = torch.cat(scores)
    entropy[labeled] = -1
    print(*entropy.topk(given.budget).indices.tolist())


def prepare(folder: Path, given: argparse.Namespace) -> Path:
    """Make a campaign with labels, and the same as arrays for the plain script; return the campaign."""
    import alkit

    options = {"model": given.model, "epochs": given.epochs, "batch_size": given.batch, "augment": False}
    options |= {"precision": "float32", "learning_rate": 0.025, "weight_decay": 5e-3}
    with alkit.create(folder / "camp", given.pool, oracle="dataset", task_options=options) as campaign:
        campaign.ask(given.labels, strategy="random")
        oracle = campaign.oracle()
        assert oracle is not None
        campaign.consult(oracle)
        images = campaign.resources.images(campaign.state)
        np.save(folder / "pool.npy", images.take(np.arange(len(images))).numpy())
        np.save(folder / "labeled.npy", campaign.pool.labeled)
        classes = list(campaign.classes)
        np.save(folder / "targets.npy", np.array([classes.index(str(v)) for v in campaign.pool.values]))
    return folder / "camp"


def shares(query: list[str]) -> str:
    """Run a query; return its processor time by part."""
    command = [sys.executable, str(Path(__file__).with_name("query_parts.py")), *query]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment())
    parts: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    total = sum(parts.values())
    told = [f"{name} {seconds:.2f} s ({seconds / total:.1%})" for name, seconds in parts.items()]
    return f"{total:.1f} s: {', '.join(told)}"


def environment() -> dict[str, str]:
    """Return the environment of a process with one thread."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


def measured(command: list[str]) -> tuple[float, float]:
    """Run a command; return wall-clock and processor seconds."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - started, cpu


def main() -> None:
    """Measure both in turn, and print the table."""
    parser = common.parser(__doc__)
    parser.add_argument("--pool", required=True, help="labeled images, as in alkit init")
    parser.add_argument("--labels", type=int, default=200)
    parser.add_argument("--budget", type=int, default=100)
    parser.add_argument("--model", default="small-cnn")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--plain", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.plain is not None:
        return plain(given.plain, given)
    taken: dict[str, common.Taken] = {"processor time": {}, "wall-clock time": {}}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        campaign = prepare(folder, given)
        found: dict[str, str] = {}
        for number in range(given.rounds + 1):
            copy = Path(shutil.copytree(campaign, folder / f"camp-{number}"))
            query = ["query", "-c", str(copy), "-n", str(given.budget), "-q", "--control", "0", "-s"]
            if number == 0:
                found["a query"] = shares([*query, "entropy"])
                found["another strategy on the same labels"] = shares([*query, "margin", "--new"])
                shutil.rmtree(copy)
                continue
            commands = {
                "plain PyTorch": [*sys.argv, "--plain", str(folder)],
                "alkit query": ["-m", "alkit", *query, "entropy"],
            }
            for version, words in commands.items():
                wall, cpu = measured([sys.executable, *words])
                taken["processor time"].setdefault(version, []).append(cpu)
                taken["wall-clock time"].setdefault(version, []).append(wall)
            shutil.rmtree(copy)
    job = {key: getattr(given, key) for key in ("labels", "budget", "model", "epochs", "batch")}
    given.threads, given.clock = 1, "both"
    common.report("A whole query beside plain PyTorch", taken, "plain PyTorch", given, job=str(job), **found)


if __name__ == "__main__":
    main()
