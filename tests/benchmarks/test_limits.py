"""What the limits count: operations, bytes, and the larger of the two times."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture
def limits(benchmark_module):
    return benchmark_module("limits")


def counted(limits, work):
    peak = limits.Peak({torch.float32: 1000.0, torch.bfloat16: 4000.0}, 100.0)
    with limits.Counter(peak) as counter:
        work()
    return counter


def test_a_matrix_product(limits) -> None:
    left, right = torch.ones(10, 20), torch.ones(20, 30)
    counter = counted(limits, lambda: left @ right)
    assert counter.flops == 2 * 10 * 20 * 30
    assert counter.bytes == 4 * (200 + 600 + 300)
    assert counter.least["mm"] == pytest.approx(max(12.0, 44.0))


def test_bfloat16_has_a_peak_of_its_own(limits) -> None:
    left, right = torch.ones(400, 400).bfloat16(), torch.ones(400, 400).bfloat16()
    counter = counted(limits, lambda: left @ right)
    assert counter.least["mm"] == pytest.approx(2 * 400**3 / 4000)


def test_rows_that_are_passed_over_are_not_read(limits) -> None:
    rows = torch.ones(1000, 5)
    assert counted(limits, lambda: rows.index_select(0, torch.tensor([3, 4]))).bytes == 2 * 4 * 10
    assert counted(limits, lambda: rows.T).bytes == 0


def test_backward_passes_count(limits) -> None:
    images, kernel = torch.ones(2, 3, 8, 8), torch.ones(4, 3, 3, 3, requires_grad=True)
    counter = counted(limits, lambda: torch.nn.functional.conv2d(images, kernel).sum().backward())
    once = 2 * 2 * 4 * 6 * 6 * 3 * 9
    assert counter.flops == 2 * once  # forward, and the kernel's gradient; the images need none


def test_a_case_is_explained(limits) -> None:
    left, right = torch.ones(50, 50), torch.ones(50, 50)
    peak = limits.Peak({torch.float32: 1e9}, 1e9)
    case = (lambda: [left @ right for _ in range(40)], lambda: left @ right, 1e-6)
    lines = "\n".join(limits.explain("a product", case, peak, 3))
    assert "## a product" in lines and "met here" in lines and "| aten::mm | 1 |" in lines
    assert "The limit of these operators is 0.00025 s" in lines and "mm 0.00025 s" in lines
