from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

import alkit


@dataclass(kw_only=True)
class Grades(alkit.TaskModel):
    """One class per image out of several that have an order, such as grades (McCullagh, 1980)."""

    name = "grades"
    metrics = (alkit.Metric("mean_absolute_error", higher_is_better=False),)

    def build(self, image_shape, classes, device):
        self.shape, self.classes, self.device = image_shape, list(classes), device
        provides = frozenset({"model", "loss", "probabilities", "embedding", "targets"})
        self.spec = alkit.TaskSpec(self.name, image_shape, max(len(classes), 2), provides, embedding_dim=16)
        self.reset(0)

    def reset(self, seed):
        torch.manual_seed(seed)
        body = nn.Sequential(nn.Conv2d(self.shape[0], 16, 3, 2, 1), nn.ReLU())
        self.network = nn.ModuleDict({"body": body, "head": nn.Linear(16, 1)})
        self.network.gaps = nn.Parameter(torch.zeros(self.spec.num_outputs - 1))  # between thresholds
        self.network.to(self.device)

    def forward(self, images):
        embedding = self.network["body"](images).mean(dim=(2, 3))
        gaps = functional.softplus(self.network.gaps)
        thresholds = gaps.cumsum(0) - gaps.sum() / 2
        above = torch.sigmoid(self.network["head"](embedding) - thresholds)  # of each grade but the last
        edges = functional.pad(functional.pad(above, (1, 0), value=1.0), (0, 1))
        shares = (edges[:, :-1] - edges[:, 1:]).clamp_min(1e-6)
        return alkit.Output(shares.log(), functional.normalize(shares, p=1.0), embedding)

    def encode(self, values):
        return torch.tensor([self.classes.index(value) for value in values])

    def loss(self, output, targets):
        return functional.nll_loss(output.probabilities.log(), targets, reduction="none")

    def evaluate(self, batches):
        self.network.eval()
        with torch.inference_mode():
            errors = [self.forward(b.images).prediction.argmax(dim=1) - b.targets for b in batches]
        return {"mean_absolute_error": float(torch.cat(errors).abs().float().mean())}


@alkit.hookimpl
def alkit_tasks():
    return [Grades]
