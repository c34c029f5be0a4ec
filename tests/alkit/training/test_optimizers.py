"""Optimizers without the compiler make the same updates, and leave it out of the process."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from alkit.training import without_compiler

KINDS = {
    torch.optim.SGD: {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01, "fused": True},
    torch.optim.Adam: {"lr": 0.1, "fused": True},
    torch.optim.LBFGS: {"line_search_fn": "strong_wolfe"},
}


def trained(kind, options):
    torch.manual_seed(0)
    network, images = torch.nn.Linear(5, 3), torch.randn(20, 5)
    optimizer = kind(network.parameters(), **options)

    def closure():
        optimizer.zero_grad()
        loss = network(images).square().sum()
        loss.backward()
        return loss

    for _ in range(3):
        optimizer.step(closure)
    return network.weight, optimizer


@pytest.mark.parametrize("kind", KINDS)
def test_updates_are_the_same(kind):
    mine, optimizer = trained(without_compiler(kind), KINDS[kind])
    theirs, other = trained(kind, KINDS[kind])
    assert torch.equal(mine, theirs)
    assert mine.requires_grad
    optimizer.load_state_dict(other.state_dict())
    assert optimizer.state_dict()["param_groups"] == other.state_dict()["param_groups"]
    assert isinstance(optimizer, kind)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_compiler_is_not_imported(kind):
    lines = (
        "import sys, torch",
        "from alkit.training import without_compiler",
        "weight = torch.nn.Parameter(torch.ones(3))",
        f"optimizer = without_compiler(torch.optim.{kind.__name__})([weight], lr=0.1)",
        "def closure():",
        "    optimizer.zero_grad()",
        "    loss = weight.square().sum()",
        "    loss.backward()",
        "    return loss",
        "optimizer.step(closure)",
        "assert 'torch._dynamo' not in sys.modules",
    )
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True)
