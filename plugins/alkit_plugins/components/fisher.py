"""How much single images add to the Fisher information of a linear classifier's weights.

With probabilities p and embedding h, an image's information is (diag(p) - p pᵀ) ⊗ h hᵀ, of rank classes - 1
at most. So adding or removing an image changes the inverse of a sum of informations by a matrix of low rank,
and what the change means to every other image follows from two small matrices that each image keeps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from alkit import Indices


BLOCK = 512  # images at once


def roots(probabilities: Tensor) -> Tensor:
    """Return roots A [B, classes, classes] with AᵀA = diag(p) - p pᵀ, from probabilities p [B, classes].

    Row c is √p_c · (e_c - p), the gradient for the label c with the root of its chance.
    """
    identity = torch.eye(probabilities.shape[1], dtype=probabilities.dtype, device=probabilities.device)
    return probabilities.sqrt().unsqueeze(2) * (identity - probabilities.unsqueeze(1))


def roots_of_sets(probabilities: Tensor) -> Tensor:
    """Return roots A [B, L, L] of the information about L classes that apply independently, from p [B, L].

    AᵀA = diag(p (1 - p)), as of a logistic regression for each class.
    """
    return (probabilities * (1 - probabilities)).clamp_min(0).sqrt().diag_embed()


def information(root: Tensor, rows: Tensor) -> Tensor:
    """Return the mean information [C · D, C · D] of images, from roots [n, C, C] and rows [n, D]."""
    size = root.shape[1] * rows.shape[1]
    total = rows.new_zeros(size, size)
    block = max(1, 8 * BLOCK // root.shape[1])  # images, each with a row per class
    for some, own in zip(root.split(block), rows.split(block), strict=True):
        factors = torch.einsum("bkc,bd->bkcd", some, own).reshape(-1, size)
        total.addmm_(factors.T, factors)
    return total / max(len(rows), 1)


class Design:
    """A sum M of informations that images are added to or removed from, and its aim F: a small trace of M⁻¹F.

    Args:
        start: [S, S] the sum to start from, invertible; S is classes · D.
        aim: [S, S] the information about all images.
        root: [n, classes, classes] of the images that may be added, scaled.
        rows: [n, D] their embeddings.
    """

    def __init__(self, start: Tensor, aim: Tensor, root: Tensor, rows: Tensor) -> None:
        self._aim, self._root, self._rows = aim, root, rows
        self._inverse = torch.cholesky_inverse(torch.linalg.cholesky(start))
        self._inner = self._forms(self._inverse)
        self._outer = self._forms(self._inverse @ aim @ self._inverse)

    def _forms(self, matrix: Tensor) -> Tensor:
        """Return hᵀ M_cd h for all classes c and d, [n, classes, classes], of blocks M_cd of a matrix."""
        classes, dim = self._root.shape[1], self._rows.shape[1]
        blocks = matrix.reshape(classes, dim, classes, dim)
        found = torch.empty_like(self._root)
        for number in range(classes):
            for start in range(0, len(self._rows), BLOCK):
                part = slice(start, start + BLOCK)
                product = self._rows[part] @ blocks[number].reshape(dim, -1)
                product = product.reshape(-1, classes, dim)
                found[part, number] = (product * self._rows[part].unsqueeze(1)).sum(dim=2)
        return found

    def change(self, sign: int) -> Tensor:
        """Return by how much the trace falls if an image is added (1) or rises if it is removed (-1), [n]."""
        found = self._rows.new_empty(len(self._rows))
        for start in range(0, len(found), BLOCK):
            part = slice(start, start + BLOCK)
            root = self._root[part]
            inner = root @ self._inner[part] @ root.mT
            outer = root @ self._outer[part] @ root.mT
            identity = torch.eye(root.shape[1], dtype=root.dtype, device=root.device)
            found[part] = (
                torch.linalg.solve(identity + sign * inner, outer).diagonal(dim1=1, dim2=2).sum(dim=1)
            )
        return found

    def take(self, position: int, sign: int) -> None:
        """Add an image to the sum (1), or remove it (-1)."""
        root, row = self._root[position], self._rows[position]
        factors = torch.einsum("kc,d->kcd", root, row).reshape(len(root), -1)
        wide = self._inverse @ factors.T  # [S, classes]
        middle = torch.linalg.inv(
            sign * torch.eye(len(root), dtype=row.dtype, device=row.device) + factors @ wide
        )
        aimed = self._aim @ wide
        weighted = self._inverse @ aimed
        core = middle @ (wide.T @ aimed) @ middle
        self._inverse -= wide @ middle @ wide.T
        shape = (len(root), -1, len(root))
        for start in range(0, len(self._rows), BLOCK):
            part = slice(start, start + BLOCK)
            first = torch.einsum("nd,cdk->nck", self._rows[part], wide.reshape(shape))
            second = torch.einsum("nd,cdk->nck", self._rows[part], weighted.reshape(shape))
            half = second @ middle @ first.mT
            self._inner[part] -= first @ middle @ first.mT
            self._outer[part] += first @ core @ first.mT - half - half.mT

    def keep(self, positions: Indices) -> None:
        """Keep only some of the images, in this order."""
        index = torch.from_numpy(positions).to(self._rows.device)
        self._root, self._rows = self._root[index], self._rows[index]
        self._inner, self._outer = self._inner[index], self._outer[index]
