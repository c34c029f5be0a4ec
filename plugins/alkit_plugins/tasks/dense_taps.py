"""Taps of networks that return a map: feature maps and the embedding are taken from its contracting part."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from alkit.errors import InvalidOption

from .taps import Call, Wiring, default_taps, named, tap_of, trace, width_of


def wire_dense(
    network: nn.Module,
    example: Tensor,
    num_outputs: int,
    taps: Sequence[str] | None,
    embedding: str | None,
) -> Wiring:
    """Find the modules to take outputs from, by one forward pass over an example batch [2, C, H, W].

    The default embedding is the last of the smallest maps, averaged over positions: the bottom of a U-Net,
    or the end of a backbone. The default taps are where the image shrinks before it.

    Raises:
        InvalidOption: a named module does not exist or does not run in the forward pass, or the network does
            not return [B, classes, H, W].
    """
    output, calls = trace(network, example)
    wanted = (len(example), num_outputs, *example.shape[2:])
    if output.shape != wanted:
        raise InvalidOption(
            f"the network returns {list(output.shape)} for images of {list(example.shape)} and {num_outputs} "
            f"classes; it should be {list(wanted)}"
        )
    known = {call.name: call for call in calls}
    bottom = _bottom(calls)
    body = calls[: calls.index(bottom) + 1] if bottom is not None else calls
    names = named(taps, known, "taps") if taps else default_taps(body)
    found = tuple(tap_of(known[name]) for name in names)
    channels_last = frozenset(call.name for call in calls if call.channels_last)
    if embedding:
        (name,) = named([embedding], known, "embedding")
    elif bottom is not None:
        name = bottom.name
    else:
        raise InvalidOption("the network has no feature map; name a module with the option 'embedding'")
    return Wiring(found, name, False, width_of(known[name]), channels_last)


def _bottom(calls: Sequence[Call]) -> Call | None:
    """Return the last module with the smallest map, leaving aside those that see only one position."""
    maps = [call for call in calls if len(call.shape) == 4]
    several = [call for call in maps if call.size != (1, 1)] or maps
    if not several:
        return None
    smallest = min(call.size for call in several)
    return [call for call in several if call.size == smallest][-1]
