"""Forward hooks that take mid-level feature maps and the embedding out of any network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from alkit.errors import InvalidOption
from alkit.task import Tap

from .networks import logits

MOST_TAPS = 4
POOLING = (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.Flatten, nn.Dropout, nn.Identity)


@dataclass(frozen=True, slots=True)
class Wiring:
    """Which modules are listened to.

    Attributes:
        taps: the feature maps, in the order in which the network computes them.
        embedding: the module that gives the embedding.
        from_input: take the module's input (a classifier's), not its output.
        embedding_dim: width of the embedding.
    """

    taps: tuple[Tap, ...]
    embedding: str
    from_input: bool
    embedding_dim: int


class Listener:
    """Keeps what the wired modules said in the last forward pass."""

    def __init__(self, network: nn.Module, wiring: Wiring) -> None:
        self._maps: dict[str, Tensor] = {}
        self._embedding: Tensor | None = None
        self._names = [tap.name for tap in wiring.taps]
        modules = dict(network.named_modules())
        for name in self._names:
            modules[name].register_forward_hook(self._keep_map(name))
        if wiring.from_input:
            modules[wiring.embedding].register_forward_pre_hook(self._keep_input)
        else:
            modules[wiring.embedding].register_forward_hook(self._keep_output)

    def take(self) -> tuple[tuple[Tensor, ...], Tensor]:
        """Return the maps [B, C, H, W] and the embedding [B, D], and let go of them."""
        maps = tuple(self._maps[name] for name in self._names)
        embedding = self._embedding
        assert embedding is not None
        self._maps.clear()
        self._embedding = None
        return maps, embedding

    def _keep_map(self, name: str):  # type: ignore[no-untyped-def]
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            self._maps[name] = _as_map(logits(output))

        return hook

    def _keep_input(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self._embedding = _as_vector(inputs[0])

    def _keep_output(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self._embedding = _as_vector(logits(output))


def wire(
    network: nn.Module,
    example: Tensor,
    num_outputs: int,
    taps: Sequence[str] | None,
    embedding: str | None,
) -> Wiring:
    """Find what to listen to, by one forward pass over an example batch [2, C, H, W].

    The default taps are the last module at each spatial size, at most four, those nearest to the output: the
    four stages of a ResNet. A network without feature maps (a transformer) is tapped after its repeated
    blocks. The default embedding is what enters the last linear layer, or else the last tap, pooled.

    Raises:
        InvalidOption: a module of that name does not exist, or takes no part in the forward pass.
    """
    trace = _trace(network, example)
    shapes = {name: shape for name, shape, _ in trace}
    names = list(_named(taps, shapes, "taps")) if taps else _default_taps(trace)
    found = tuple(_tap(name, shapes[name]) for name in names)
    if embedding:
        (name,) = _named([embedding], shapes, "embedding")
        return Wiring(found, name, False, _width(shapes[name]))
    heads = [(name, module) for name, _, module in trace if isinstance(module, nn.Linear)]
    if heads and heads[-1][1].out_features == num_outputs:
        name, module = heads[-1]
        return Wiring(found, name, True, module.in_features)
    if not found:
        raise InvalidOption(
            "the network has no linear layer at its end and no feature map; name a module by the option "
            "'embedding'"
        )
    return Wiring(found, found[-1].name, False, found[-1].channels)


def _trace(network: nn.Module, example: Tensor) -> list[tuple[str, tuple[int, ...], nn.Module]]:
    """List the modules that run exactly once, in the order in which they end, with their output shapes."""
    calls: dict[str, int] = {}
    trace: list[tuple[str, tuple[int, ...], nn.Module]] = []
    handles = []
    for name, module in network.named_modules():
        if name:

            def hook(module: nn.Module, inputs: object, output: object, name: str = name) -> None:
                calls[name] = calls.get(name, 0) + 1
                if isinstance(output, (torch.Tensor, tuple, list)):
                    first = logits(output)
                    trace.append((name, tuple(first.shape), module))

            handles.append(module.register_forward_hook(hook))
    training = network.training
    network.eval()
    try:
        with torch.no_grad():
            network(example)
    finally:
        for handle in handles:
            handle.remove()
        network.train(training)
    return [entry for entry in trace if calls[entry[0]] == 1 and entry[1][:1] == (len(example),)]


def _default_taps(trace: list[tuple[str, tuple[int, ...], nn.Module]]) -> list[str]:
    last_of_size: dict[tuple[int, ...], str] = {}
    for name, shape, module in trace:
        if len(shape) == 4 and not isinstance(module, POOLING):
            last_of_size[shape[2:]] = name
    if len(last_of_size) < 2:
        blocks = [name for name, shape, _ in trace if len(shape) == 3 and name.count(".") >= 1]
        blocks = [name for name in blocks if not any(other.startswith(f"{name}.") for other in blocks)] or blocks
        repeated = [
            name
            for name, shape, module in trace
            if len(shape) == 3 and sum(type(module) is type(other) for _, _, other in trace) > 1
            and any(True for _ in module.children())
        ]
        chosen = repeated or blocks
        if len(chosen) > len(last_of_size):
            step = max(1, len(chosen) // MOST_TAPS)
            return chosen[::-1][::step][:MOST_TAPS][::-1]
    return list(last_of_size.values())[-MOST_TAPS:]


def _named(wanted: Sequence[str], shapes: dict[str, tuple[int, ...]], option: str) -> Sequence[str]:
    for name in wanted:
        if name not in shapes:
            listed = ", ".join(list(shapes)[:12])
            raise InvalidOption(
                f"option '{option}': the network runs no module '{name}' exactly once; it has {listed}, ..."
            )
    return wanted


def _tap(name: str, shape: tuple[int, ...]) -> Tap:
    if len(shape) == 4:
        return Tap(name, shape[1], (shape[2], shape[3]))
    if len(shape) == 3:
        return Tap(name, shape[2], (shape[1], 1))
    return Tap(name, shape[1], (1, 1))


def _width(shape: tuple[int, ...]) -> int:
    return shape[2] if len(shape) == 3 else shape[1]


def _as_map(output: Tensor) -> Tensor:
    """[B, tokens, D] as [B, D, tokens, 1]; [B, D] as [B, D, 1, 1]."""
    if output.dim() == 3:
        return output.transpose(1, 2).unsqueeze(3)
    return output[:, :, None, None] if output.dim() == 2 else output


def _as_vector(output: Tensor) -> Tensor:
    """[B, C, H, W] averaged over pixels, [B, tokens, D] over tokens."""
    if output.dim() == 4:
        return output.mean(dim=(2, 3))
    return output.mean(dim=1) if output.dim() == 3 else output
