"""Seeds by purpose, and the fence around the global generators."""

from __future__ import annotations

import random
import subprocess
import sys

import numpy as np
import pytest
import torch

from alkit.utils import seeding


def test_a_seed_is_a_fixed_function_of_its_words() -> None:
    # The first 8 bytes of SHA-256 of "7/cycle/3" without the last bit: 0x4540021c574c1be4... >> 1.
    assert seeding.derive(7, "cycle", 3) == 0x22A0010E2BA60DF2


def test_other_words_give_other_seeds_in_range() -> None:
    seeds = {seeding.derive(seed, word, cycle) for seed in range(5) for word in "ab" for cycle in range(5)}
    assert len(seeds) == 50
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_generators_repeat_and_differ_by_purpose() -> None:
    first = seeding.numpy_generator(1, "order").integers(1000, size=5).tolist()
    assert first == seeding.numpy_generator(1, "order").integers(1000, size=5).tolist()
    assert first != seeding.numpy_generator(1, "other").integers(1000, size=5).tolist()
    drawn = torch.rand(3, generator=seeding.torch_generator(1, "order")).tolist()
    assert drawn == torch.rand(3, generator=seeding.torch_generator(1, "order")).tolist()
    assert drawn != torch.rand(3, generator=seeding.torch_generator(2, "order")).tolist()


def draw() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def test_a_fence_seeds_inside_and_restores_outside() -> None:
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    expected = [draw(), draw()]
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    before = draw()
    with seeding.fence(2**62 + 5):
        inside = draw()
    after = draw()
    assert [before, after] == expected
    with seeding.fence(2**62 + 5):
        assert draw() == inside
    with seeding.fence(2**62 + 6):
        assert draw() != inside


def test_a_fence_restores_after_an_error() -> None:
    states = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    with pytest.raises(RuntimeError), seeding.fence(1):
        draw()
        raise RuntimeError
    assert states == (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())


def test_fences_nest() -> None:
    with seeding.fence(1):
        expected = [draw(), draw()]
    with seeding.fence(1):
        first = draw()
        with seeding.fence(2):
            draw()
        assert [first, draw()] == expected


def test_deriving_a_seed_imports_neither_numpy_nor_torch() -> None:
    code = "import sys; from alkit import seeding; seeding.derive(1, 'a'); print('numpy' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "False\n"
