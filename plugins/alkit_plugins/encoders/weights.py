"""Weights from a file into a network, all of them or none; a network without its last layer."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from alkit.errors import InvalidOption
from alkit.training import load_safely

SHOWN = 6
OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)")


def filled(
    network: nn.Module,
    path: Path,
    named: str,
    *,
    has_head: bool = True,
    spared: Collection[str] = (),
) -> None:
    """Load all weights of a network from a file.

    Args:
        network: what to fill.
        path: file of named tensors.
        named: what messages call the network.
        has_head: the network ends with a classifier, whose weights may be missing or made for other classes;
            it keeps its own then.
        spared: other tensors for which the same holds.

    Raises:
        InvalidOption: the file cannot be read, or tensors are missing, superfluous or of another shape: the
            message lists them.
    """
    try:
        loaded: Any = load_safely(path, checked=False)
    except FileNotFoundError:
        if re.fullmatch(r"\w+", path.name):
            raise InvalidOption(
                f"there is no weights file '{path.name}'; {named} comes with pretrained weights, so leave "
                f"weights={path.name} out, and allow a download with --download where one is needed"
            ) from None
        raise InvalidOption(f"there is no weights file {path}; check the option 'weights'") from None
    except Exception as error:  # a damaged or malicious file may raise anything
        raise InvalidOption(
            f"the weights in {path} cannot be read: the file is damaged or contains more than tensors; save "
            "them as .safetensors, or save only the state_dict() with torch.save"
        ) from error
    for wrapped in ("state_dict", "model_state_dict", "model"):
        if isinstance(loaded, dict) and isinstance(loaded.get(wrapped), dict):
            loaded = loaded[wrapped]
    if not isinstance(loaded, dict):
        raise InvalidOption(f"{path} contains no named tensors; save the state_dict() of the network")
    given = {_renamed(str(name)): tensor for name, tensor in loaded.items()}
    given = {name: tensor for name, tensor in given.items() if isinstance(tensor, Tensor)}
    own = network.state_dict()
    needed = [
        name for name in own if name not in spared and not (has_head and name.startswith(_heads(network)))
    ]
    if not any(name in given for name in own):
        raise InvalidOption(f"{path} does not fit {named}: it has no tensor of {listed(needed)}")
    wrong = [
        f"{name} {_shape(given[name])} instead of {_shape(own[name])}"
        for name in needed
        if name in given and given[name].shape != own[name].shape
    ]
    # Files of older versions of torch do not have this counter, which nothing depends on.
    wrong += [
        f"{name} is missing"
        for name in needed
        if name not in given and not name.endswith("num_batches_tracked")
    ]
    if wrong:
        raise InvalidOption(f"{path} does not fit {named}: {listed(wrong)}")
    network.load_state_dict(
        {name: tensor for name, tensor in given.items() if name in own and own[name].shape == tensor.shape},
        strict=False,
    )


def _renamed(name: str) -> str:
    """Return the name that a tensor has today; torchvision's files of DenseNets have older ones."""
    return OLD_DENSENET.sub(r"\1\2", name.removeprefix("module."))


def listed(names: list[str]) -> str:
    """Write the names of tensors; many are cut short."""
    more = f", and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "1"


def linear_head(network: nn.Module) -> nn.Linear:
    """Return the last linear layer of a network.

    Raises:
        InvalidOption: it has none.
    """
    linear = [module for module in network.modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise InvalidOption(
            f"{type(network).__name__} has no linear layer at its end; choose another network"
        )
    return linear[-1]


def without_last(network: nn.Module) -> nn.Module:
    """Put an identity in the place of the last linear layer; needs nothing else, to be copied as code."""
    name = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)][-1]
    parent, _, attribute = name.rpartition(".")
    setattr(network.get_submodule(parent), attribute, nn.Identity())
    return network


def _heads(network: nn.Module) -> tuple[str, ...]:
    """Return how the names of a classifier's tensors begin: the last linear layer, and the last layer."""
    layers = [
        (name, module)
        for name, module in network.named_modules()
        if next(module.parameters(recurse=False), None) is not None
    ]
    linear = [name for name, module in layers if isinstance(module, nn.Linear)]
    return tuple(f"{names[-1]}." for names in (linear, [name for name, _ in layers]) if names)
