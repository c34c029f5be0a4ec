"""A campaign's model as a folder that works without alkit: weights, code, facts and a model card."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alkit.errors import BrokenPlugin, UnsupportedTask, UsageError
from alkit.utils.counts import counted
from alkit.utils.extras import need
from alkit.utils.files import sync_folder
from alkit.utils.json_values import as_json
from alkit.utils.timestamps import now

from .facts import configuration, metrics, provenance
from .predictions import KINDS
from .trained import UsableModel, usable_model

if TYPE_CHECKING:
    from alkit.campaign.session import CampaignSession
    from alkit.training.types import PortableNetwork

FORMATS = ("onnx", "torch-export")
CONFIG, CARD, WEIGHTS = "config.json", "README.md", "model.safetensors"
PROGRAM = "network.pt2"
TOLERANCE = 1e-4  # of probabilities, and of numbers in proportion to the largest
PACKAGES = {
    "torchvision": "torchvision",
    "timm": "timm",
    "efficientnet_lite_pytorch": "efficientnet-lite-pytorch",
}
"""Distributions by the modules that the code of a network imports."""
IMPORTS = '''"""How to load this model and prepare images; alkit is not needed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
'''


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """An exported model: its folder, its files, the model that it came from."""

    folder: Path
    files: tuple[str, ...]
    model: UsableModel

    def __repr__(self) -> str:
        return f"<ExportedModel {str(self.folder)!r}: {', '.join(self.files)}>"


def export_model(
    session: CampaignSession, folder: Path, *, formats: Sequence[str] = (), force: bool = False
) -> ExportedModel:
    """Write the model of the latest training into a new folder: see `Campaign.export_model`."""
    for name in formats:
        if name not in FORMATS:
            raise UsageError(f"there is no format '{name}' for models; choose from {', '.join(FORMATS)}")
    _check_place(folder, force=force)
    if "onnx" in formats:
        need("onnx", "onnx")
        need("onnxscript", "onnx")
    model = usable_model(session, kinds=KINDS)
    _check_images(model)
    network = model.task.portable()
    _check_graphs(network, formats)
    _check_same(model, network)
    fresh = folder.with_name(f"{folder.name}.{os.getpid()}.tmp")
    fresh.mkdir()
    try:
        files = _written(session, model, network, fresh, formats)
        _move(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return ExportedModel(folder, files, model)


def _check_images(model: UsableModel) -> None:
    """Refuse images that the code in an exported model could not read without alkit."""
    steps = model.preprocessing
    if steps.pixel_type != "uint8" or steps.shape[0] not in (1, 3):
        raise UnsupportedTask(
            f"the model takes {steps.pixel_type} images of {counted(steps.shape[0], 'channel')}, and "
            "only models of 8-bit grey or color images can be exported; predict with 'alkit predict'"
        )


def _check_graphs(network: PortableNetwork, formats: Sequence[str]) -> None:
    """Refuse graphs of a network whose computation depends on what it finds."""
    if formats and not network.traceable:
        raise UnsupportedTask(
            f"the network '{network.name}' cannot be written as {' and '.join(formats)}, since what it "
            "computes depends on what it finds; leave --format out"
        )


def _written(
    session: CampaignSession,
    model: UsableModel,
    network: PortableNetwork,
    folder: Path,
    formats: Sequence[str],
) -> tuple[str, ...]:
    """Write all files; return their names, the card first."""
    import torch  # noqa: PLC0415  # torch takes seconds to import
    from safetensors.torch import save  # noqa: PLC0415  # torch takes seconds to import

    from alkit.reporting.model_card import model_card, model_code  # noqa: PLC0415  # loads jinja2

    from .graphs import GRAPHS, FromPixels, write_torch_export  # noqa: PLC0415  # torch takes seconds to import

    program = "" if network.source else PROGRAM
    if program:
        write_torch_export(network.network, model.preprocessing.shape, folder / program, torch.float32)
    weights = {name: tensor.clone() for name, tensor in network.network.state_dict().items()}
    (folder / WEIGHTS).write_bytes(save(weights, metadata={"format": "pt"}))
    graphs = []
    for name in dict.fromkeys(formats):
        file, write = GRAPHS[name]
        session.progress.line(f"writing {file}")
        with_pixels = FromPixels(network.network, model.preprocessing, model.kind)
        write(with_pixels, model.preprocessing.shape, folder / file)
        graphs.append(file)
    facts: dict[str, Any] = {
        "config": configuration(session, model, network),
        "metrics": metrics(session, model),
        "labels": provenance(session, model),
    }
    steps = facts["config"]["preprocessing"]
    code = model_code(network.source or IMPORTS, steps, model.kind, program)
    (folder / "model.py").write_text(code, encoding="utf-8")
    for name, value in facts.items():
        (folder / f"{name}.json").write_text(as_json(value, indent=2) + "\n", encoding="utf-8")
    card = model_card(
        **facts,
        name=session.directory.resolve().name,
        graphs=graphs,
        metric=model.task.metrics,
        date=now()[:10],
        packages=[package for module, package in PACKAGES.items() if f" {module}" in code],
        program=program,
    )
    (folder / CARD).write_text(card, encoding="utf-8")
    programs = (program,) if program else ()
    return (CARD, CONFIG, WEIGHTS, "model.py", *programs, *graphs, "metrics.json", "labels.json")


def _check_place(folder: Path, *, force: bool) -> None:
    if not folder.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {folder.parent}; make it, or name another with --out")
    if not os.path.lexists(folder):
        return
    if not (folder / CONFIG).is_file() or not (folder / WEIGHTS).is_file():
        raise UsageError(f"{folder} already exists and is no exported model; name another folder with --out")
    if not force:
        raise UsageError(
            f"{folder} already exists; replace it with --force, or name another folder with --out"
        )


def _move(fresh: Path, folder: Path) -> None:
    """Give a folder its name, in place of an earlier one."""
    if folder.exists():
        old = folder.with_name(f"{folder.name}.{os.getpid()}.old")
        folder.rename(old)
        fresh.rename(folder)
        shutil.rmtree(old)
    else:
        fresh.rename(folder)
    sync_folder(folder.absolute().parent)


def _check_same(model: UsableModel, network: PortableNetwork) -> None:
    """Check on a few made-up images that the portable network computes what the task's own does.

    Raises:
        BrokenPlugin: it does not.
    """
    import torch  # noqa: PLC0415  # torch takes seconds to import

    from alkit.training.portable_outputs import (  # noqa: PLC0415  # torch takes seconds to import
        MEANINGS,
        gap_between,
        meaning_of,
        own_meaning,
    )

    generator = torch.Generator().manual_seed(0)
    images = torch.randn(3, *model.preprocessing.shape, generator=generator)
    with torch.no_grad():
        own = own_meaning(model.kind, model.task.forward(images.to(model.device)))
        other = meaning_of(model.kind, network.network(images))
    assert own is not None
    gap = gap_between(model.kind, own, other)
    if not gap <= TOLERANCE:
        raise BrokenPlugin(
            f"the network that the task '{model.task.name}' exports does not compute what its own does: "
            f"{MEANINGS[model.kind]} differ by {gap:.2g}; report this to the task's author"
        )
