"""Weights from a file into a network, all of them or none; a network without its last layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from alkit.errors import InvalidOption
from alkit.training import load_safely

SHOWN = 6


def filled(network: nn.Module, path: Path, named: str) -> None:
    """Load all weights of a network from a file; a file without those of the last layer will do.

    Raises:
        InvalidOption: the file cannot be read, or tensors are missing, superfluous or of another shape: the
            message lists them.
    """
    try:
        loaded: Any = load_safely(path, checked=False)
    except FileNotFoundError:
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
    given = {str(name).removeprefix("module."): tensor for name, tensor in loaded.items()}
    own = network.state_dict()
    last = _last_layer(network)
    wrong = [
        f"{name} {tuple(given[name].shape)} instead of {tuple(own[name].shape)}"
        for name in own
        if name in given and given[name].shape != own[name].shape and not name.startswith(last)
    ]
    wrong += [f"{name} is missing" for name in own if name not in given and not name.startswith(last)]
    if wrong:
        more = f", and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise InvalidOption(f"{path} does not fit {named}: {', '.join(wrong[:SHOWN])}{more}")
    network.load_state_dict(
        {name: tensor for name, tensor in given.items() if name in own and own[name].shape == tensor.shape},
        strict=False,
    )


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


def without_head(network: nn.Module, head: nn.Linear) -> nn.Module:
    """Put an identity in the place of the last linear layer."""
    for module in network.modules():
        for name, child in module.named_children():
            if child is head:
                setattr(module, name, nn.Identity())
                return network
    raise InvalidOption(f"{type(network).__name__} consists of a linear layer only; choose another network")


def without_last(network: nn.Module) -> nn.Module:
    """Put an identity in the place of the last linear layer; needs nothing else, to be copied as code."""
    name = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)][-1]
    parent, _, attribute = name.rpartition(".")
    setattr(network.get_submodule(parent), attribute, nn.Identity())
    return network


def _last_layer(network: nn.Module) -> str:
    """Return how the names of the tensors of the last linear layer begin."""
    names = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    return f"{names[-1]}." if names else "\0"
