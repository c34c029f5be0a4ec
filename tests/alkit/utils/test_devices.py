"""Devices by name, threads that are put back, bfloat16 where the hardware has it."""

from __future__ import annotations

import pytest
import torch

from alkit.errors import InvalidOption
from alkit.utils.devices import find_device, has_fast_bfloat16, threads_for, worthwhile_threads

CPU = torch.device("cpu")


def test_auto_is_a_device_that_works() -> None:
    assert torch.ones(2, device=find_device("auto")).sum() == 2


def test_a_device_by_name() -> None:
    assert find_device("cpu") == CPU


@pytest.mark.parametrize("name", ["no-such-device", "cuda:99", "meta2", "meta"])
def test_a_device_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(InvalidOption, match=f"no device '{name}'"):
        find_device(name)


def test_small_images_get_one_thread_and_the_others_come_back() -> None:
    torch.set_num_threads(2)
    try:
        with threads_for(16, CPU):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
        with threads_for(17, CPU):
            assert torch.get_num_threads() == 2
        with pytest.raises(KeyError), threads_for(8, CPU):
            raise KeyError
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


@pytest.mark.parametrize("found", ["avx512_bf16", "amx_tile", ""])
def test_bfloat16_counts_as_fast_where_an_instruction_set_has_it(
    found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("avx512_bf16", "amx_tile"):
        monkeypatch.setattr(
            torch.cpu, f"_is_{name}_supported", lambda name=name: name == found, raising=False
        )
    assert has_fast_bfloat16(CPU) is bool(found)


def test_larger_images_get_the_threads_that_a_campaign_keeps() -> None:
    with threads_for(17, CPU, 3):
        assert torch.get_num_threads() == 3
    with threads_for(16, CPU, 3):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 1


def test_threads_are_no_more_than_the_cores_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 64)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    assert worthwhile_threads() == 64, "as the user says"
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert 1 <= worthwhile_threads() <= 3
