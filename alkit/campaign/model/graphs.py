"""A trained network as a graph that takes pixels: ONNX, and PyTorch's own exported program."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from alkit.data.model_input import normalize
from alkit.training.portable_outputs import MEANINGS, meaning_of
from alkit.utils.extras import need

if TYPE_CHECKING:
    from torch import Tensor

    from alkit.data.model_input import Preprocessing

MOST_IMAGES = 2**31 - 1  # of a batch; without a limit, torch 2.6 refuses some networks


class FromPixels(nn.Module):
    """A network with its normalization before it, and after it what turns logits into probabilities.

    Args:
        network: from normalized images to logits, numbers or candidates for boxes.
        preprocessing: of its images.
        kind: of the labels.
    """

    def __init__(self, network: nn.Module, preprocessing: Preprocessing, kind: str = "class") -> None:
        super().__init__()
        self.network, self.kind = network, kind
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(preprocessing.mean))
        self.register_buffer("std", torch.tensor(preprocessing.std))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return what the network says of resized images [B, C, H, W] uint8: see `meaning_of`."""
        return meaning_of(self.kind, self.network(normalize(pixels, self.mean, self.std)))


def write_onnx(network: FromPixels, shape: tuple[int, int, int], path: Path) -> None:
    """Write an ONNX file for batches of any size.

    Raises:
        MissingExtra: onnx or onnxscript is not installed.
    """
    for package in ("onnx", "onnxscript"):
        need(package, "onnx")
    with _quietly():
        torch.onnx.export(
            network,
            (_example(shape),),
            path,
            input_names=["pixels"],
            output_names=[MEANINGS[network.kind]],
            dynamo=True,
            dynamic_shapes={"pixels": {0: torch.export.Dim("batch", max=MOST_IMAGES)}},
            external_data=False,
            verbose=False,
        )


def write_torch_export(
    network: nn.Module, shape: tuple[int, int, int], path: Path, dtype: torch.dtype = torch.uint8
) -> None:
    """Write a program for `torch.export.load`, for batches of any size."""
    with _quietly():
        program = torch.export.export(
            network,
            (_example(shape, dtype),),
            dynamic_shapes=({0: torch.export.Dim("batch", max=MOST_IMAGES)},),
        )
        torch.export.save(program, path)


def _example(shape: tuple[int, int, int], dtype: torch.dtype = torch.uint8) -> Tensor:
    return torch.zeros(2, *shape, dtype=dtype)


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Keep torch's own reports of the steps of an export from the user, but not its errors."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


GRAPHS: dict[str, tuple[str, Callable[[FromPixels, tuple[int, int, int], Path], Any]]] = {
    "onnx": ("model.onnx", write_onnx),
    "torch-export": ("model.pt2", write_torch_export),
}
"""Name of the file and function of each format."""
