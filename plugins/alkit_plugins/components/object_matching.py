"""How alike the objects of two images are, and how hard the objects of each class are to find."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def class_difficulty(
    boxes: Tensor, shares: Tensor, targets: dict[str, Tensor], *, certainty: float
) -> tuple[Tensor, Tensor]:
    """Return the sum of the difficulties of labeled objects by class [K], and their numbers [K].

    The difficulty of an object is one minus the best that a detection reaches: its probability of the class
    to the power of `certainty`, times its intersection over union with the box to the power of the rest.

    Args:
        boxes: [B, M, 4], of detections.
        shares: [B, K + 1, M], their probabilities, the background last.
        targets: `boxes` [B, T, 4], `classes` and `crowd` [B, T].
        certainty: in [0, 1].
    """
    from torchvision.ops import box_iou  # noqa: PLC0415  # torchvision takes seconds to import

    classes = shares.shape[1] - 1
    total, count = shares.new_zeros(classes), shares.new_zeros(classes)
    for row in range(len(boxes)):
        real = (targets["classes"][row] >= 0) & ~targets["crowd"][row]
        wanted = targets["classes"][row][real]
        if not len(wanted):
            continue
        overlap = box_iou(targets["boxes"][row][real], boxes[row])
        probability = shares[row][wanted]
        best = (probability**certainty * overlap ** (1 - certainty)).amax(dim=1)
        total.index_add_(0, wanted, 1 - best)
        count.index_add_(0, wanted, torch.ones_like(best))
    return total, count


def matching_similarity(scores: Tensor, classes: Tensor, weights: Tensor, features: Tensor) -> Tensor:
    """Return how alike images are by their objects, [n, n] in [0, 1]; symmetric.

    An object is as similar to an image as to the most similar object of its class there, by the cosine of
    their features scaled to [0, 1], and not at all where there is none; an image's objects are averaged,
    weighted by their scores; and the two directions are averaged.

    Args:
        scores: [n, M].
        classes: [n, M].
        weights: [n, M], 0 for objects that do not count.
        features: [n, M, D].
    """
    count = len(scores)
    image, place = (weights > 0).nonzero(as_tuple=True)
    score, own = scores[image, place], classes[image, place]
    vectors = functional.normalize(features[image, place].float(), dim=1)
    found = scores.new_zeros(count, count)
    for number in own.unique().tolist():
        rows = (own == number).nonzero().squeeze(1)
        cosine = (vectors[rows] @ vectors[rows].T + 1) / 2
        best = cosine.new_zeros(len(rows), count)
        best.scatter_reduce_(1, image[rows].expand(len(rows), -1), cosine, "amax")
        found.index_add_(0, image[rows], best * score[rows].unsqueeze(1))
    total = scores.new_zeros(count).index_add(0, image, score)
    one_way = found / total.clamp_min(1e-12).unsqueeze(1)
    return ((one_way + one_way.T) / 2).clamp(0, 1)


def medoids(distances: Tensor, n: int, first: int, *, iterations: int = 100) -> Tensor:
    """Return n rows that represent all, [n]: the farthest from those before, then moved to cluster centers.

    Args:
        distances: [N, N].
        n: how many.
        first: the row to begin with.
        iterations: at most.
    """
    chosen = [first]
    nearest = distances[:, first].clone()
    while len(chosen) < n:
        nearest[chosen] = -1
        chosen.append(int(nearest.argmax()))
        nearest = nearest.minimum(distances[:, chosen[-1]])
    centers = torch.tensor(chosen, device=distances.device)
    for _ in range(iterations):
        cluster = distances[:, centers].argmin(dim=1)
        cluster[centers] = torch.arange(n, device=distances.device)
        same = cluster.unsqueeze(0) == cluster.unsqueeze(1)
        spread = (distances * same).sum(dim=0)
        moved = torch.stack(
            [
                members[spread[members].argmin()]
                for number in range(n)
                for members in [(cluster == number).nonzero().squeeze(1)]
            ]
        )
        if torch.equal(moved, centers):
            break
        centers = moved
    return centers
