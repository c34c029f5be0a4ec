"""A linear head on frozen features: the exact minimum of a convex loss, by L-BFGS."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from alkit.training import without_compiler

NORM = 20.0
"""Length that all feature vectors get; it decides how strong the penalty is, as C=1 does unscaled."""
ITERATIONS = 300


class Scaled(nn.Module):
    """Gives every feature vector the same length, so that no encoder needs a penalty of its own."""

    def forward(self, features: Tensor) -> Tensor:
        """Return features [B, D] of length `NORM`."""
        return NORM * functional.normalize(features.float(), dim=1)


def fit_linear(
    linear: nn.Linear,
    features: Tensor,
    targets: Tensor,
    *,
    strength: float,
    class_weight: Tensor | None = None,
    smoothing: float = 0.0,
) -> float:
    """Set a linear layer to the minimum of strength x (sum of cross-entropies) + |weights|^2 / 2.

    That is scikit-learn's logistic regression; biases are not penalized. Starts from zero, in double
    precision, so the result depends on the features and targets only.

    Args:
        linear: D inputs, one output a class.
        features: [n, D].
        targets: [n] int64.
        strength: scikit-learn's C.
        class_weight: [classes], or None.
        smoothing: share of each target that is spread over all classes.

    Returns:
        The mean cross-entropy.
    """
    classes = None if class_weight is None else class_weight.double()

    def cross_entropy(outputs: Tensor, reduction: str) -> Tensor:
        return functional.cross_entropy(
            outputs, targets, weight=classes, label_smoothing=smoothing, reduction=reduction
        )

    return minimize(linear, features, cross_entropy, strength=strength)


def minimize(
    linear: nn.Linear, features: Tensor, loss: Callable[[Tensor, str], Tensor], *, strength: float
) -> float:
    """Set a linear layer to the minimum of strength x (sum of losses) + |weights|^2 / 2.

    Args:
        linear: D inputs.
        features: [n, D].
        loss: of outputs [n, ...] float64, with the reduction `sum` or `mean`.
        strength: how much the losses count.

    Returns:
        The mean loss.
    """
    rows = features.detach().double()
    with torch.inference_mode(False), torch.enable_grad():
        rows = rows.clone()
        weight = torch.zeros_like(linear.weight, dtype=torch.float64).requires_grad_()
        bias = torch.zeros_like(linear.bias, dtype=torch.float64).requires_grad_()
        optimizer = without_compiler(torch.optim.LBFGS)(
            [weight, bias],
            max_iter=ITERATIONS,
            history_size=20,
            tolerance_grad=1e-6 * strength,
            tolerance_change=1e-12,
            line_search_fn="strong_wolfe",
        )

        def closure() -> Tensor:
            optimizer.zero_grad()
            total = strength * loss(functional.linear(rows, weight, bias), "sum") + weight.square().sum() / 2
            total.backward()
            return total

        optimizer.step(closure)
        mean = float(loss(functional.linear(rows, weight, bias), "mean").detach())
    with torch.no_grad():
        linear.weight.copy_(weight)
        linear.bias.copy_(bias)
    return mean
