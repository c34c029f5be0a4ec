"""A network of the user's own: a function in a Python file that makes it."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

import alkit
from alkit.data import EncoderInput
from alkit.errors import InvalidOption
from alkit.interfaces import Encoder, OpenEncoder

from .weights import filled

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


@dataclass(kw_only=True)
class FileEncoder(Encoder):
    """`file:PATH.py:FUNCTION`: the function returns a `torch.nn.Module` from images to features [B, D].

    It may return `(module, EncoderInput(...))` to say how images are prepared; otherwise they become
    224 x 224 with the center kept and the statistics of ImageNet.
    """

    name: ClassVar[str] = "file"

    def open(self, variant: str) -> OpenEncoder:
        """Call the function."""
        path, _, function = variant.rpartition(":")
        if not path or not function:
            raise InvalidOption(
                "an encoder of your own is named file:PATH.py:FUNCTION, such as file:mine.py:make"
            )
        made = _function(Path(path), function)()
        network, taken = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
        if not isinstance(network, nn.Module):
            raise InvalidOption(
                f"{function} in {path} should return a torch.nn.Module, not {type(network).__name__}"
            )
        if taken is None:
            taken = EncoderInput(size=(224, 224), crop=0.875, **IMAGENET)  # type: ignore[arg-type]
        if not isinstance(taken, EncoderInput):
            raise InvalidOption(
                f"{function} in {path} should return an EncoderInput beside the network, not "
                f"{type(taken).__name__}"
            )
        if self.weights:
            filled(network, Path(self.weights), f"the network of {path}", has_head=False)
        network = _in_eval_mode(network)
        with torch.no_grad():
            features = network(torch.zeros(2, *taken.shape))
        dim = features.shape[-1] if isinstance(features, torch.Tensor) and features.ndim == 2 else 0
        return OpenEncoder(network=network, input=taken, dim=dim)

    def identity(self, variant: str) -> str:
        """Return nothing: what the file does is seen from the features of fixed images."""
        return ""

    def nearest(self, guess: str) -> str | None:
        """Take the path of a Python file for one, whose function may be missing."""
        path, _, function = guess.partition(".py")
        return f"{path}.py{function or ':FUNCTION'}" if ".py" in guess and path else None


class Fixed(nn.Module):
    """A program of `torch.export`, which has no modes to change."""

    def __init__(self, program: nn.Module) -> None:
        super().__init__()
        self.program = program

    def train(self, mode: bool = True) -> Fixed:
        """Leave the program as it is."""
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Return features [B, D] of images [B, 3, H, W]."""
        features: Tensor = self.program(images)
        return features


def _in_eval_mode(network: nn.Module) -> nn.Module:
    try:
        return network.eval()
    except NotImplementedError:
        return Fixed(network)


def _function(path: Path, name: str) -> Any:
    """Import a file, once for each content, and return a function of it.

    Raises:
        InvalidOption: there is no such file or function, or the file fails.
    """
    if not path.is_file():
        raise InvalidOption(f"there is no file {path}; an encoder of your own is named file:PATH.py:FUNCTION")
    digest = hashlib.sha256(str(path.absolute()).encode() + b"\0" + path.read_bytes()).hexdigest()[:12]
    module_name = f"alkit_encoder_{digest}"
    module = sys.modules.get(module_name) or _imported(path, module_name)
    found = getattr(module, name, None)
    if not callable(found):
        functions = [key for key, value in vars(module).items() if inspect.isfunction(value)]
        raise InvalidOption(f"{path} has no function '{name}'; it has {', '.join(functions) or 'none'}")
    return found


def _imported(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        del sys.modules[name]
        raise InvalidOption(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    return module


@alkit.hookimpl
def alkit_encoders() -> list[type[Encoder]]:
    """Offer networks from files."""
    return [FileEncoder]
