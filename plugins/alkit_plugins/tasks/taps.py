"""Taps: forward hooks that take mid-level feature maps and the embedding out of any network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from alkit import Tap
from alkit.errors import InvalidOption

from .networks import logits

MOST_TAPS = 4
# Modules that only move or thin out the output of the module before them.
PASSING = (
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool2d,
    nn.AvgPool2d,
    nn.MaxPool2d,
    nn.Flatten,
    nn.Dropout,
    nn.Identity,
)
ON_LAST_DIMENSION = (nn.Linear, nn.LayerNorm)


@dataclass(frozen=True, slots=True)
class Wiring:
    """The modules to take outputs from.

    Attributes:
        taps: the feature maps, in the order in which the network computes them.
        embedding: the module that computes the embedding.
        from_input: take the module's input (a classifier's), not its output.
        embedding_dim: width of the embedding.
        channels_last: modules whose maps are [B, H, W, C].
    """

    taps: tuple[Tap, ...]
    embedding: str
    from_input: bool
    embedding_dim: int
    channels_last: frozenset[str]


class Listener:
    """Keeps the outputs of the wired modules in the last forward pass.

    Maps are not copied, so later in-place changes by the network (mostly a ReLU) affect them.
    """

    def __init__(self, network: nn.Module, wiring: Wiring) -> None:
        self._maps: dict[str, Tensor] = {}
        self._embedding: Tensor | None = None
        self._names = [tap.name for tap in wiring.taps]
        self._channels_last = wiring.channels_last
        modules = dict(network.named_modules())
        for name in self._names:
            modules[name].register_forward_hook(self._keep_map(name))
        if wiring.from_input:
            modules[wiring.embedding].register_forward_pre_hook(self._keep_input)
        else:
            modules[wiring.embedding].register_forward_hook(self._keep_embedding(wiring.embedding))

    def take(self) -> tuple[tuple[Tensor, ...], Tensor]:
        """Return the maps [B, C, H, W] and the embedding [B, D], and release them."""
        maps = tuple(self._maps[name] for name in self._names)
        embedding = self._embedding
        assert embedding is not None
        self._maps.clear()
        self._embedding = None
        return maps, embedding

    def _keep_map(self, name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            self._maps[name] = _as_map(logits(output), name in self._channels_last)

        return hook

    def _keep_embedding(self, name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            self._embedding = _as_vector(logits(output), name in self._channels_last)

        return hook

    def _keep_input(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self._embedding = _as_vector(inputs[0], False)


def wire(
    network: nn.Module,
    example: Tensor,
    num_outputs: int,
    taps: Sequence[str] | None,
    embedding: str | None,
) -> Wiring:
    """Find the modules to take outputs from, by one forward pass over an example batch [2, C, H, W].

    The default taps are where the image shrinks: at the depth of the module tree with the most different map
    sizes, the last module of each size, up to the four nearest to the classifier (the four stages of a
    ResNet). If the image does not shrink, the default taps are repeated blocks: at the first depth with
    several modules of one type, up to four of them, evenly spaced and including the last (a transformer, a
    perceptron).

    The default embedding is the input of the classifier, which is the last linear layer or convolution if it
    has as many outputs as there are classes; otherwise it is the last tap. Maps and tokens are averaged.

    Raises:
        InvalidOption: a named module does not exist or does not run in the forward pass, or the network does
            not return [B, classes].
    """
    output, calls = trace(network, example)
    if output.shape != (len(example), num_outputs):
        raise InvalidOption(
            f"the network returns {list(output.shape)} for {len(example)} images of {num_outputs} classes; "
            f"it should be [{len(example)}, {num_outputs}]"
        )
    known = {call.name: call for call in calls}
    layers = [call for call in calls if isinstance(call.module, (nn.Linear, nn.Conv2d))]
    head = layers[-1] if layers and width_of(layers[-1]) == num_outputs else None
    body = calls[: calls.index(head)] if head else calls
    names = named(taps, known, "taps") if taps else default_taps(body)
    found = tuple(tap_of(known[name]) for name in names)
    channels_last = frozenset(call.name for call in calls if call.channels_last)
    if embedding:
        (name,) = named([embedding], known, "embedding")
        return Wiring(found, name, False, width_of(known[name]), channels_last)
    if head is not None:
        module = head.module
        dim = module.in_features if isinstance(module, nn.Linear) else module.in_channels
        return Wiring(found, head.name, True, int(dim), channels_last)
    if not found:
        raise InvalidOption(
            "the network has no linear layer at its end and no feature map; name a module with the option "
            "'embedding'"
        )
    return Wiring(found, found[-1].name, False, found[-1].channels, channels_last)


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A module that ran exactly once, and the shape of what it returned: [B, ...], two to four dimensions."""

    name: str
    module: Any
    shape: tuple[int, ...]
    channels_last: bool = False

    @property
    def size(self) -> tuple[int, ...]:
        """Height and width of a map; the rest of the shape otherwise."""
        return self.shape[1:3] if self.channels_last else self.shape[2:]


def trace(network: nn.Module, example: Tensor) -> tuple[Tensor, list[Call]]:
    """Return the network's output, and the modules that ran exactly once, in the order of their outputs."""
    count: dict[str, int] = defaultdict(int)
    seen: list[Call] = []

    def listen(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            count[name] += 1
            first = output[0] if isinstance(output, (tuple, list)) and output else output
            if isinstance(first, Tensor) and 2 <= first.dim() <= 4 and len(first) == len(example):
                seen.append(Call(name, module, tuple(first.shape)))

        return hook

    handles = [module.register_forward_hook(listen(name)) for name, module in network.named_modules() if name]
    training = network.training
    network.eval()
    try:
        with torch.no_grad():
            output = logits(network(example))
    finally:
        for handle in handles:
            handle.remove()
        network.train(training)
    # A map is [B, H, W, C] if a linear layer or layer norm returns its shape, and no convolution does.
    turned = {call.shape for call in seen if len(call.shape) == 4 and type(call.module) in ON_LAST_DIMENSION}
    turned -= {call.shape for call in seen if isinstance(call.module, nn.Conv2d)}
    return output, [
        Call(call.name, call.module, call.shape, call.shape in turned)
        for call in seen
        if count[call.name] == 1
    ]


def default_taps(body: Sequence[Call]) -> Sequence[str]:
    """Return the modules to take feature maps from, as `wire` says."""
    levels: dict[int, list[Call]] = defaultdict(list)
    for call in body:
        if not isinstance(call.module, PASSING):
            levels[call.name.count(".")].append(call)
    by_depth = [levels[depth] for depth in sorted(levels)]
    stages: Sequence[str] = max((_stages(level) for level in by_depth), key=len, default=[])
    if len(stages) > 1:
        return stages[-MOST_TAPS:]
    for level in by_depth:
        kinds = [type(call.module) for call in level]
        blocks = [call.name for call in level if kinds.count(type(call.module)) > 1]
        if blocks:
            wanted = min(MOST_TAPS, len(blocks))
            return [blocks[len(blocks) * number // wanted - 1] for number in range(1, wanted + 1)]
    return stages


def _stages(level: Sequence[Call]) -> list[str]:
    """Return the last module of each map size; none if maps grow again, as with squeeze-and-excitation."""
    maps = [call for call in level if len(call.shape) == 4]
    sizes = [call.size for call in maps]
    if any(after > before for before, after in pairwise(sizes)):
        return []
    return list({call.size: call.name for call in maps}.values())


def named(wanted: Sequence[str], known: dict[str, Call], option: str) -> Sequence[str]:
    """Return the modules that an option names.

    Raises:
        InvalidOption: the network runs no such module exactly once.
    """
    for name in wanted:
        if name not in known:
            listed = ", ".join(list(known)[:12])
            raise InvalidOption(
                f"option '{option}' names '{name}', but the network runs no such module exactly once; choose "
                f"from {listed}, ..."
            )
    return wanted


def tap_of(call: Call) -> Tap:
    """Return the tap of a module."""
    height, width = call.size if len(call.shape) == 4 else (*call.shape[1:-1], 1, 1)[:2]
    return Tap(call.name, width_of(call), (height, width))


def width_of(call: Call) -> int:
    """Return the channels of what a module returned."""
    return call.shape[-1] if call.channels_last or len(call.shape) < 4 else call.shape[1]


def _as_map(output: Tensor, channels_last: bool) -> Tensor:
    """Turn [B, H, W, C], [B, tokens, D] or [B, D] into [B, C, H, W], [B, D, tokens, 1] or [B, D, 1, 1]."""
    if output.dim() == 4:
        return output.permute(0, 3, 1, 2) if channels_last else output
    return output.transpose(1, 2).unsqueeze(3) if output.dim() == 3 else output[:, :, None, None]


def _as_vector(output: Tensor, channels_last: bool) -> Tensor:
    """Turn an output into [B, D], averaging maps over pixels and tokens over their number."""
    return output if output.dim() == 2 else _as_map(output, channels_last).mean(dim=(2, 3))
