"""VAE, discriminator and their game: golden numbers of the published code step by step, hostile sizes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from alkit.errors import TrainingDiverged
from alkit_plugins.components.adversary import AdversarialBatch, Adversary
from alkit_plugins.components.vae import VAE, Discriminator, Latent, fitting_side, stack_depth, vae_loss

DTYPES = {"f32": torch.float32, "f64": torch.float64}
LOSSES = {"f32": {"rtol": 1e-5}, "f64": {"rtol": 1e-9}}
WEIGHTS = {"f32": {"rtol": 0, "atol": 2e-5}, "f64": {"rtol": 1e-9, "atol": 1e-11}}


def loaded(network, arrays, prefix):
    """The golden weights, whose names are the network's own."""
    weights = {k[len(prefix) :]: torch.from_numpy(v) for k, v in arrays.items() if k.startswith(prefix)}
    network.to(next(iter(weights.values())).dtype)
    missing, unexpected = network.load_state_dict(weights, strict=False)
    assert not unexpected and all("num_batches_tracked" in name for name in missing)
    return network


def adversary_of(arrays, image_shape, channels, latent, hidden, *, ranked, **options):
    vae = loaded(VAE(image_shape, channels, latent, conditioned=ranked), arrays, "init_vae.")
    discriminator = loaded(Discriminator(latent, hidden, conditioned=ranked), arrays, "init_disc.")
    return Adversary(vae, discriminator, **options)


def normalized(pixels, dtype):
    return (torch.from_numpy(pixels).to(dtype) / 255 - 0.5) / 0.25


def assert_final(adversary, arrays, precision):
    for prefix, network in (("final_vae.", adversary.vae), ("final_disc.", adversary.discriminator)):
        for name, value in network.state_dict().items():
            if "num_batches_tracked" in name or (name.startswith("decoder") and "running" in name):
                continue  # the published discriminator step runs the decoder too, to no other effect
            np.testing.assert_allclose(
                value, arrays[prefix + name], err_msg=prefix + name, **WEIGHTS[precision]
            )


def norm(network):
    return torch.sqrt(sum(p.detach().double().square().sum() for p in network.parameters())).item()


TAVAAL = [
    ("tavaal_step1_f32", (3, 32, 32), (4, 6, 8, 10), 5, 12),
    ("tavaal_step1_f64", (3, 32, 32), (4, 6, 8, 10), 5, 12),
    ("tavaal_step3_f32", (3, 32, 32), (4, 6, 8, 8), 6, 16),
    ("tavaal_step3_f64", (3, 32, 32), (4, 6, 8, 8), 6, 16),
    ("tavaal_step2_28px_f64", (1, 28, 28), (4, 5, 6, 8), 5, 12),
]


@pytest.mark.parametrize(("name", "shape", "channels", "latent", "hidden"), TAVAAL)
def test_golden_ta_vaal_iterations(golden, name, shape, channels, latent, hidden):
    arrays, precision = golden(name), name[-3:]
    adversary = adversary_of(arrays, shape, channels, latent, hidden, ranked=True)

    def side(which, iteration):
        images = normalized(arrays[f"images_{which}_u8"][iteration], DTYPES[precision])
        noise = torch.from_numpy(arrays[f"eps_vae_{which}"][iteration])
        if iteration == 0:
            rank = torch.from_numpy(arrays[f"r_random_{which}_iter0"]).to(images)
            return AdversarialBatch(images, noise, rank, rank)
        rank = torch.from_numpy(arrays[f"r_raw_{which}"][iteration])
        return AdversarialBatch(images, noise, rank, rank.sigmoid())

    names = {
        "vae_labeled": "loss_vae_labeled",
        "vae_unlabeled": "loss_vae_unlabeled",
        "adversarial_labeled": "loss_adv_labeled",
        "adversarial_unlabeled": "loss_adv_unlabeled",
        "vae": "loss_total_vae",
        "discriminator_labeled": "loss_disc_labeled",
        "discriminator_unlabeled": "loss_disc_unlabeled",
        "discriminator": "loss_disc",
    }
    for iteration in range(len(arrays["loss_disc"])):
        sides = side("labeled", iteration), side("unlabeled", iteration)
        losses = adversary.vae_step(*sides)
        if iteration == 0:
            for parameter, value in adversary.vae.named_parameters():
                expected = arrays[f"grad0_norm_vae.{parameter}"]
                np.testing.assert_allclose(
                    value.grad.norm(), expected, rtol=1e-4 if precision == "f32" else 1e-9, atol=1e-6
                )
        losses |= adversary.discriminator_step(*sides)
        for ours, theirs in names.items():
            np.testing.assert_allclose(
                losses[ours].item(), arrays[theirs][iteration], err_msg=theirs, **LOSSES[precision]
            )
        for network, theirs in (
            (adversary.vae, "norm_vae_params"),
            (adversary.discriminator, "norm_disc_params"),
        ):
            np.testing.assert_allclose(norm(network), arrays[theirs][iteration], **LOSSES[precision])
    assert_final(adversary, arrays, precision)


@pytest.mark.parametrize("precision", ["f32", "f64"])
def test_golden_vaal_iterations(golden, precision):
    arrays = golden(f"vaal_step4_{precision}")
    adversary = adversary_of(arrays, (1, 32, 32), (3, 5, 6, 8), 5, 12, ranked=False, kl="sum")
    for iteration, step in itertools.product(range(4), range(2)):
        sides = [
            AdversarialBatch(
                normalized(arrays[f"images_{which}_u8"][iteration, step], DTYPES[precision]),
                torch.from_numpy(arrays[f"eps_vae_{which}"][iteration, step]),
            )
            for which in ("labeled", "unlabeled")
        ]
        losses = adversary.vae_step(*sides)
        for ours, theirs in (("vae", "vae"), ("adversarial", "adv")):
            for which in ("labeled", "unlabeled"):
                expected = arrays[f"loss_{theirs}_{which}"][iteration, step]
                np.testing.assert_allclose(losses[f"{ours}_{which}"].item(), expected, **LOSSES[precision])
        if step == 1:
            losses = adversary.discriminator_step(*sides)
            expected = arrays["loss_disc"][iteration]
            np.testing.assert_allclose(losses["discriminator"].item(), expected, **LOSSES[precision])
    assert_final(adversary, arrays, precision)


def test_loop_takes_each_vae_step_on_new_batches(golden):
    arrays = golden("vaal_step4_f64")
    adversary = adversary_of(arrays, (1, 32, 32), (3, 5, 6, 8), 5, 12, ranked=False, kl="sum")

    def sides(which):
        for iteration, step in itertools.product(range(4), range(2)):
            images = normalized(arrays[f"images_{which}_u8"][iteration, step], torch.float64)
            yield AdversarialBatch(images, torch.from_numpy(arrays[f"eps_vae_{which}"][iteration, step]))

    adversary.train(sides("labeled"), sides("unlabeled"), 4, vae_steps=2)
    assert_final(adversary, arrays, "f64")


@pytest.mark.parametrize("precision", ["f32", "f64"])
@pytest.mark.parametrize(("case", "beta"), [("c0", 1.0), ("c1", 1.0), ("c2", 0.5)])
@pytest.mark.parametrize(("kl", "theirs"), [("mean", "tavaal"), ("sum", "vaal")])
def test_golden_vae_loss(golden, precision, case, beta, kl, theirs):
    arrays = golden(f"vae_loss_{precision}")
    images, rebuilt, mu, logvar = (
        torch.from_numpy(arrays[f"{case}_{n}"]) for n in ("x", "recon", "mu", "logvar")
    )
    for tensor in (rebuilt, mu, logvar):
        tensor.requires_grad_()
    loss = vae_loss(images, rebuilt, Latent(mu, logvar), beta=beta, kl=kl)
    loss.backward()
    close = {"rtol": 1e-9} if precision == "f64" else {"rtol": 1e-5, "atol": 1e-7}
    np.testing.assert_allclose(loss.item(), arrays[f"{case}_{theirs}_loss"], **close)
    np.testing.assert_allclose(mu.grad, arrays[f"{case}_{theirs}_grad_mu"], **close)
    np.testing.assert_allclose(logvar.grad, arrays[f"{case}_{theirs}_grad_logvar"], **close)
    np.testing.assert_allclose(rebuilt.grad.norm(), arrays[f"{case}_grad_recon_norm"], **close)


@pytest.mark.parametrize("side", [7, 8, 9, 11, 15, 16, 28, 30, 32, 48, 64, 65, 100, 128])
@pytest.mark.parametrize("colours", [1, 3])
def test_any_size_is_rebuilt_at_its_own_size(side, colours):
    depth = stack_depth(side)
    resize = fitting_side(side, depth)
    assert side <= resize < 1.15 * side
    vae = VAE((colours, resize, resize), (3,) * depth, 4)
    images = torch.randn(1, colours, resize, resize)  # one image: batch norm needs more than one pixel a map
    rebuilt, latent = vae(images, torch.randn(1, 4))
    assert rebuilt.shape == images.shape and latent.mu.shape == (1, 4)


def test_layers_computed_differently_give_the_plain_result():
    torch.manual_seed(0)
    vae = VAE((3, 28, 28), (4, 5, 6, 7), 4, conditioned=True).double()
    images, rank = torch.randn(5, 3, 28, 28).double(), torch.rand(5).double()
    plain = images
    for layer in vae.encoder:
        plain = torch.nn.Conv2d.forward(layer, plain) if isinstance(layer, torch.nn.Conv2d) else layer(plain)
    hidden = vae.encoder(images)
    torch.testing.assert_close(hidden, plain, rtol=1e-12, atol=1e-12)
    codes = torch.randn(5, 4).double()
    decoded = vae.decode(codes, rank, vae.entry())
    torch.testing.assert_close(
        decoded, vae.decoder(torch.cat([codes, rank[:, None]], 1)), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize(
    ("shape", "channels"), [((1, 32, 32), (8,)), ((1, 30, 30), (4, 4, 4, 4)), ((1, 32, 28), (4, 4))]
)
def test_shapes_that_do_not_fit_are_refused(shape, channels):
    with pytest.raises(ValueError, match=r"VAE needs|do not fit"):
        VAE(shape, channels)


def endless(images, latent=4):
    while True:
        yield AdversarialBatch(images, torch.randn(len(images), latent))


def small_adversary(**options):
    torch.manual_seed(0)
    return Adversary(VAE((1, 8, 8), (6, 8), 4), Discriminator(4, 16), **options)


def leaning():
    """Images brighter on the left, and others on the right; batch norm would take away a plain difference."""
    pattern = torch.tensor([1.0] * 4 + [-1.0] * 4).expand(8, 8)
    return torch.randn(24, 1, 8, 8) + 2 * pattern, torch.randn(24, 1, 8, 8) - 2 * pattern


def test_learns_to_tell_and_to_rebuild():
    adversary = small_adversary(learning_rate=5e-3, weight=0.0)
    left, right = leaning()
    before = adversary.vae_step(next(endless(left)), next(endless(right)))["vae"]
    adversary.train(endless(left), endless(right), 60)
    after = adversary.vae_step(next(endless(left)), next(endless(right)))["vae"]
    assert after < 0.6 * before
    adversary.vae.eval()
    assert adversary.logits(left)[0].min() > adversary.logits(right)[0].max()


def test_adversarial_loss_hides_the_difference():
    def gap(weight):
        adversary = small_adversary(learning_rate=5e-3, weight=weight)
        left, right = leaning()
        adversary.train(endless(left), endless(right), 60)
        adversary.vae.eval()
        return (adversary.logits(left)[0].mean() - adversary.logits(right)[0].mean()).item()

    assert gap(3.0) < 0.7 * gap(0.0)


def test_steps_touch_only_their_own_network():
    adversary = small_adversary()
    sides = next(endless(torch.randn(6, 1, 8, 8))), next(endless(torch.randn(6, 1, 8, 8)))
    judge = [p.clone() for p in adversary.discriminator.parameters()]
    adversary.vae_step(*sides)
    assert all(torch.equal(a, b) for a, b in zip(judge, adversary.discriminator.parameters(), strict=True))
    assert all(p.grad is None and p.requires_grad for p in adversary.discriminator.parameters())
    vae = [p.clone() for p in adversary.vae.parameters()]
    adversary.discriminator_step(*sides)
    assert all(torch.equal(a, b) for a, b in zip(vae, adversary.vae.parameters(), strict=True))
    assert any(
        not torch.equal(a, b) for a, b in zip(judge, adversary.discriminator.parameters(), strict=True)
    )


def test_bfloat16_follows_float32():
    images = torch.randn(16, 1, 8, 8), torch.randn(16, 1, 8, 8)
    noise = torch.randn(16, 4)
    losses = []
    for precision in ("float32", "bfloat16"):
        adversary = small_adversary(precision=precision)
        for _ in range(3):
            found = adversary.vae_step(*(AdversarialBatch(side, noise) for side in images))
            found |= adversary.discriminator_step(*(AdversarialBatch(side, noise) for side in images))
        losses.append(found)
        assert all(p.dtype == torch.float32 for p in adversary.vae.parameters())
        assert adversary.means(images[0]).dtype == torch.float32
    for name, value in losses[0].items():
        assert losses[1][name].item() == pytest.approx(value.item(), rel=0.02)
    assert losses[0]["vae"] != losses[1]["vae"]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_takes_the_same_steps():
    """In float64, so that only the order of summation differs."""
    torch.manual_seed(1)
    images, noise, rank = torch.randn(2, 9, 3, 28, 28), torch.randn(2, 9, 4), torch.rand(2, 9)
    losses = []
    for device in ("cpu", "cuda"):
        torch.manual_seed(0)
        vae, judge = (
            VAE((3, 28, 28), (4, 5, 6, 7), 4, conditioned=True),
            Discriminator(4, 16, conditioned=True),
        )
        adversary = Adversary(vae.double().to(device), judge.double().to(device))
        sides = [
            AdversarialBatch(*(part[which].double().to(device) for part in (images, noise, rank, rank)))
            for which in (0, 1)
        ]
        for _ in range(3):
            found = adversary.vae_step(*sides) | adversary.discriminator_step(*sides)
        losses.append({name: value.item() for name, value in found.items()})
    assert losses[1] == pytest.approx(losses[0], rel=1e-6)  # Adam divides by roots of small gradients


def test_identical_images_stay_finite():
    adversary = small_adversary()
    same = torch.full((5, 1, 8, 8), 0.3)
    adversary.train(endless(same), endless(same[:1].repeat(2, 1, 1, 1)), 10)
    adversary.vae.eval()
    assert torch.isfinite(adversary.logits(same)[0]).all()


def test_divergence_is_said():
    images = torch.randn(4, 1, 8, 8)
    with pytest.raises(TrainingDiverged, match="VAE became nan by iteration 1; lower learning-rate"):
        small_adversary().train(endless(images * torch.nan), endless(images), 1)


def test_starting_weights_are_the_published_ones():
    torch.manual_seed(0)
    vae = VAE((3, 32, 32), (32, 32, 32, 64), 16)
    assert vae.encoder[3].weight.std().item() == pytest.approx((2 / (32 * 16)) ** 0.5, rel=0.05)
    assert vae.decoder[0].weight.std().item() == pytest.approx((2 / 16) ** 0.5, rel=0.05)
    assert vae.decoder[0].bias.abs().max() == 0
    assert vae.fc_mu.weight.abs().max() <= 256**-0.5  # torch's own, uniform
    assert vae.fc_mu.bias.abs().max() > 0
