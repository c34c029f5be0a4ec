"""Batches: every image once, even sizes, targets where known, and augmentation done by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from alkit.data.loader import Loader, augment, moved, random_moves
from alkit.data.store import ImageStore
from alkit.data.targets import Targets

CPU = torch.device("cpu")


@pytest.fixture
def store() -> ImageStore:
    return ImageStore.from_array(np.random.default_rng(0).integers(0, 256, (11, 3, 16, 24), dtype=np.uint8))


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_images_are_normalized_by_channel(store: ImageStore) -> None:
    mean, std = torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0.5, 1.0, 2.0])
    loader = Loader(store, CPU, mean=mean, std=std)
    (batch,) = loader.sequential(np.array([4, 2]), 10)
    pixels = store.take(np.array([4, 2])).float() / 255
    expected = (pixels - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)
    assert batch.images.dtype == torch.float32
    torch.testing.assert_close(batch.images, expected)


def test_by_default_the_store_says_mean_and_deviation(store: ImageStore) -> None:
    (batch,) = Loader(store, CPU).sequential(np.arange(11), 11)
    torch.testing.assert_close(batch.images.mean(dim=(0, 2, 3)), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(batch.images.std(dim=(0, 2, 3)), torch.ones(3), atol=1e-3, rtol=0)


def test_pixels_are_read_when_they_are_asked_for_and_once(
    store: ImageStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []
    take = store.take
    monkeypatch.setattr(store, "take", lambda indices: reads.append(len(indices)) or take(indices))
    (batch,) = Loader(store, CPU).sequential(np.arange(3), 10)
    assert len(batch) == 3
    assert reads == []
    assert batch.images is batch.images
    assert reads == [3]


def test_sequential_batches_are_in_order_with_a_smaller_last_one(store: ImageStore) -> None:
    batches = list(Loader(store, CPU).sequential(np.array([9, 1, 5, 0, 2]), 2))
    assert [batch.indices.tolist() for batch in batches] == [[9, 1], [5, 0], [2]]
    assert list(Loader(store, CPU).sequential(np.array([], dtype=np.int64), 2)) == []


def test_targets_are_those_of_the_images_or_none(store: ImageStore) -> None:
    labeled = np.array([7, 2, 5])
    loader = Loader(store, CPU, targets=torch.tensor([70, 20, 50]), labeled=labeled)
    first, second, third = loader.sequential(np.array([5, 7, 2, 2, 3, 5]), 2)
    assert first.targets is not None
    assert first.targets.tolist() == [50, 70]
    assert second.targets is not None
    assert second.targets.tolist() == [20, 20]
    assert third.targets is None, "image 3 has no target"
    (unlabeled,) = Loader(store, CPU).sequential(np.array([1]), 2)
    assert unlabeled.targets is None


def test_dense_targets_keep_their_shape(store: ImageStore) -> None:
    targets = torch.arange(2 * 4 * 4).view(2, 4, 4)
    (batch,) = Loader(store, CPU, targets=targets, labeled=np.array([1, 8])).sequential(np.array([8]), 1)
    assert batch.targets is not None
    assert torch.equal(batch.targets, targets[1:])


@settings(max_examples=100, deadline=None)
@given(count=st.integers(2, 60), size=st.integers(1, 20), seed=st.integers(0, 5))
def test_an_epoch_has_every_image_once_in_even_batches_of_two_or_more(
    count: int, size: int, seed: int
) -> None:
    store = ImageStore.from_array(np.zeros((count, 1, 2, 2), dtype=np.uint8))
    batches = list(
        Loader(store, CPU).epoch(np.arange(count), size, np.random.default_rng(seed), augmented=False)
    )
    sizes = [len(batch) for batch in batches]
    assert sorted(index for batch in batches for index in batch.indices.tolist()) == list(range(count))
    assert max(sizes) - min(sizes) <= 1
    assert min(sizes) >= 2
    assert max(sizes) <= max(size, 3)


def test_an_epoch_is_shuffled_by_its_generator(store: ImageStore) -> None:
    def order(seed: int) -> list[int]:
        epoch = Loader(store, CPU).epoch(np.arange(11), 4, np.random.default_rng(seed), augmented=True)
        return [index for batch in epoch for index in batch.indices.tolist()]

    assert order(1) == order(1)
    assert order(1) != order(2)
    assert order(1) != list(range(11))


def test_a_single_image_is_repeated(store: ImageStore) -> None:
    loader = Loader(store, CPU, targets=torch.tensor([6]), labeled=np.array([4]))
    (batch,) = loader.epoch(np.array([4]), 32, rng(), augmented=False)
    assert batch.indices.tolist() == [4, 4]
    assert batch.targets is not None
    assert batch.targets.tolist() == [6, 6]
    assert next(loader.forever(np.array([4]), 32, rng(), augmented=False)).indices.tolist() == [4, 4]


def test_forever_gives_full_batches_without_end_and_no_image_more_often(store: ImageStore) -> None:
    stream = Loader(store, CPU).forever(np.arange(7), 3, rng(), augmented=False)
    batches = [next(stream) for _ in range(70)]
    assert {len(batch) for batch in batches} == {3}
    counts = np.bincount(np.concatenate([batch.indices for batch in batches]))
    assert counts.tolist() == [30] * 7
    orders = {tuple(b.indices.tolist()) for b in batches}
    assert len(orders) > 20, "every round is shuffled anew"


def test_forever_over_few_images_gives_all_of_them(store: ImageStore) -> None:
    stream = Loader(store, CPU).forever(np.arange(4), 100, rng(), augmented=False)
    assert [sorted(next(stream).indices.tolist()) for _ in range(2)] == [[0, 1, 2, 3]] * 2


def test_drawing_from_nothing_is_refused(store: ImageStore) -> None:
    nothing = np.array([], dtype=np.int64)
    for draw in (Loader(store, CPU).epoch, Loader(store, CPU).forever):
        with pytest.raises(ValueError, match="no images to draw"):
            next(iter(draw(nothing, 4, rng(), augmented=False)))


def reflected(position: int, size: int) -> int:
    position = abs(position)
    return 2 * (size - 1) - position if position >= size else position


@pytest.mark.parametrize("shape", [(3, 16, 24), (1, 8, 8), (1, 7, 33), (3, 1, 1)])
def test_augmentation_is_a_shift_with_reflection_then_a_flip(shape: tuple[int, int, int]) -> None:
    _, height, width = shape
    pixels = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (40, *shape), dtype=np.uint8))
    result = augment(pixels, torch.Generator().manual_seed(5))
    assert result.dtype == torch.uint8
    up, left = height // 8, width // 8
    shifts = []
    for before, after in zip(pixels.numpy(), result.numpy(), strict=True):
        matches = []
        moves = itertools.product(range(-up, up + 1), range(-left, left + 1), (False, True))
        for down, right, flip in moves:
            rows = [reflected(row + down, height) for row in range(height)]
            columns = [reflected(column + right, width) for column in range(width)]
            moved = before[:, rows][:, :, columns[::-1] if flip else columns]
            if np.array_equal(moved, after):
                matches.append((down, right, flip))
        assert matches, "no shift and flip gives this image"
        shifts.append(matches[0])
    if up and left:
        assert len({down for down, _, _ in shifts}) == 2 * up + 1
        assert len({right for _, right, _ in shifts}) == 2 * left + 1
        assert 8 < sum(flip for _, _, flip in shifts) < 32


def test_all_channels_of_an_image_move_together() -> None:
    pixels = torch.arange(16 * 16).view(1, 1, 16, 16).expand(8, 3, 16, 16)
    result = augment(pixels, torch.Generator().manual_seed(0))
    assert torch.equal(result[:, 0], result[:, 2])
    assert not torch.equal(result[0], result[1])


def test_augmented_batches_depend_on_the_generator_only(store: ImageStore) -> None:
    def images(seed: int) -> torch.Tensor:
        epoch = Loader(store, CPU).epoch(np.arange(11), 11, np.random.default_rng(seed), augmented=True)
        torch.rand(1)  # the global generator plays no part
        return torch.cat([batch.images for batch in epoch])

    assert torch.equal(images(1), images(1))
    (plain,) = Loader(store, CPU).epoch(np.arange(11), 11, np.random.default_rng(1), augmented=False)
    assert not torch.equal(images(1), plain.images)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_draws_the_same_augmentation() -> None:
    pixels = torch.randint(0, 256, (9, 3, 17, 12), dtype=torch.uint8)
    expected = augment(pixels, torch.Generator().manual_seed(1))
    assert torch.equal(augment(pixels.cuda(), torch.Generator().manual_seed(1)).cpu(), expected)


class Ragged(Targets):
    """A list of vectors, one longer than the other, and a count of what was taken."""

    def __init__(self) -> None:
        self.taken: list[int] = []

    def __len__(self) -> int:
        return 3

    def take(self, rows):
        self.taken += rows.tolist()
        return [torch.arange(row + 1) for row in rows.tolist()]

    def digest(self) -> str:
        return "ragged"


def test_targets_may_be_made_when_they_are_asked_for() -> None:
    targets = Ragged()
    images = ImageStore.from_array(np.zeros((4, 1, 2, 2), dtype=np.uint8))
    loader = Loader(images, torch.device("cpu"), targets=targets, labeled=np.array([3, 0, 1]))
    batch = next(iter(loader.sequential(np.array([0, 3]), 2)))
    assert targets.taken == []
    assert [part.tolist() for part in batch.targets] == [[0, 1], [0]]
    assert targets.taken == [1, 0]
    assert next(iter(loader.sequential(np.array([2]), 1))).targets is None


def test_targets_move_along_where_the_task_moves_them() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (6, 1, 16, 16), dtype=np.uint8)

    def both(images, targets, generator):
        moves = random_moves(images, generator)
        return moved(images, moves), moved(targets, moves)

    loader = Loader(
        ImageStore.from_array(pixels),
        torch.device("cpu"),
        targets=torch.from_numpy(pixels[:, 0]),
        labeled=np.arange(6),
        mean=torch.zeros(1),
        std=torch.full((1,), 1 / 255),
        augment=both,
    )
    (batch,) = loader.epoch(np.arange(6), 6, np.random.default_rng(1), augmented=True)
    assert (batch.images[:, 0] == batch.targets).all()
    assert not (batch.targets.numpy() == pixels[batch.indices, 0]).all()


def test_moves_are_those_of_the_default_augmentation() -> None:
    pixels = torch.randint(0, 255, (5, 3, 17, 24), dtype=torch.uint8)
    alone = augment(pixels, torch.Generator().manual_seed(4))
    moves = random_moves(pixels, torch.Generator().manual_seed(4))
    assert torch.equal(moved(pixels, moves), alone)
    assert torch.equal(moved(pixels[:, 1], moves), alone[:, 1])
