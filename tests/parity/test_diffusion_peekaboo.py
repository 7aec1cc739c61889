"""Peekaboo against the official functions on tiny models; sizes and labels come from the vectors."""

from __future__ import annotations

import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn

from inference.models.diffusion import stable
from inference.models.diffusion.stable import StableDiffusion
from inference.models.peekaboo.alpha import FourierAlpha, RasterAlpha, coordinate_grid, fourier_features
from inference.models.peekaboo.bilateral import BilateralFilter, gaussian_kernel
from inference.models.peekaboo.dream import composite, dream, gravity
from tests.parity import vectors


@pytest.fixture(scope="module")
def case() -> vectors.Case:
    return vectors.Case("diffusion", "peekaboo")


@pytest.fixture(scope="module")
def metadata() -> dict[str, str]:
    with safe_open(vectors.folder("diffusion") / "peekaboo.safetensors", "pt") as opened:
        return dict(opened.metadata())


@pytest.fixture(scope="module")
def models() -> StableDiffusion:
    return stable.load(vectors.folder("diffusion") / "models", torch.device("cpu"), torch.float32)


@pytest.fixture(scope="module")
def image(case: vectors.Case) -> Tensor:
    return case["pk.image_u8"].float() / 255


def network(case: vectors.Case, size: int, smooth: BilateralFilter | None = None) -> FourierAlpha:
    alpha = FourierAlpha(1, size, size, smooth, case["pk.A.init.freqs"])
    state = {k.removeprefix("pk.A.init."): v for k, v in case.tensors.items() if k.startswith("pk.A.init.")}
    state.pop("freqs")
    alpha.network.load_state_dict({k: v.reshape(()) if "tracked" in k else v for k, v in state.items()})
    return alpha


@pytest.mark.parametrize("size", [3, 5])
def test_spatial_kernel(case: vectors.Case, size: int) -> None:
    case.close(f"pk.gauss{size}_sigma5", gaussian_kernel(size, 5), 1e-6, 0)
    case.done()


def test_filter(case: vectors.Case, image: Tensor) -> None:
    smooth = BilateralFilter(image)
    # theirs are indexed by the shift of the image, x before y: the neighbour's offset is (-y, -x)
    grid = smooth.weights.reshape(3, 3, *image.shape[1:])
    case.close("pk.bilateral.weights3", grid.flip(0, 1).transpose(0, 1), 1e-6, 0)
    case.close("pk.bilateral.out3x40", smooth(case["pk.bilateral.in"]), 1e-5, 0)
    wide = BilateralFilter(image, kernel=5, iterations=10)
    case.close("pk.bilateral.out5x10", wide(case["pk.bilateral.in"]), 1e-5, 0)


def test_fourier(case: vectors.Case, image: Tensor) -> None:
    size = case["pk.fourier.uv_grid"].shape[-1]
    case.close("pk.fourier.uv_grid", coordinate_grid(size, size), 1e-6, 0)
    features = fourier_features(coordinate_grid(size, size), case["pk.fourier.freqs"])
    case.close("pk.fourier.features_row5", features[:, 5], 1e-5, 0)
    alpha = network(case, size)
    with torch.no_grad():
        case.close("pk.fourier.alpha_train", alpha()[0], 1e-5, 0)
        for index in (2, 5, 8):
            layer = alpha.network[index]
            assert isinstance(layer, nn.BatchNorm2d)
            assert layer.running_mean is not None
            assert layer.running_var is not None
            case.close(f"pk.fourier.after1.{index}.running_mean", layer.running_mean, 1e-4, 0)
            case.close(f"pk.fourier.after1.{index}.running_var", layer.running_var, 1e-4, 0)
        case.close("pk.fourier.alpha_eval_after1", alpha.eval()()[0], 1e-5, 0)
        smoothed = network(case, size, BilateralFilter(image[:, :size, :size]))
        case.close("pk.fourier_bilateral.alpha_train", smoothed()[0], 1e-5, 0)


def test_seeded_network(case: vectors.Case, metadata: dict[str, str]) -> None:
    theirs = case.get("pk.fourier.seeded_alpha_train")
    if theirs is None:
        return
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(int(metadata["seed"]))
        alpha = FourierAlpha(1, *theirs.shape)
        case.close("pk.fourier.seeded_alpha_train", alpha()[0], 1e-5, 0)


def test_texts_and_schedule(case: vectors.Case, metadata: dict[str, str], models: StableDiffusion) -> None:
    prompts = [metadata[key] for key in sorted(metadata) if key.startswith("prompt")]
    case.equal("pk.ids", stable.tokens(models.tokenizer, prompts, models.context))
    for number, prompt in enumerate(prompts):
        case.close(f"pk.emb{number}", models.embed(["", prompt]), 1e-5, 0)
    case.close("pk.alphas_cumprod", models.alphas_cumprod, 1e-6, 0)
    case.done()


def test_one_step(case: vectors.Case, image: Tensor, models: StableDiffusion) -> None:
    alpha = network(case, image.shape[-1], BilateralFilter(image))
    optimiser = torch.optim.SGD(alpha.parameters(), lr=1e-5)
    now = alpha()
    case.close("pk.A.alpha", now[0], 1e-5, 0)
    picture = composite(now[0], image, case["pk.A.bg"])
    case.close("pk.A.composite", picture, 1e-5, 0)
    step = dream(
        models, picture, case["pk.emb0"], int(case["pk.A.t"]),
        case["pk.A.noise"], case["pk.A.vae_eps"],
    )  # fmt: skip
    step.enlarged.retain_grad()
    (step.loss + gravity(now)).backward()
    patch = (slice(None), slice(None), slice(200, 232), slice(200, 232))
    case.close("pk.A.x512_patch", step.enlarged[patch], 1e-5, 0)
    for key, ours in {
        "latent_mean": step.mean, "latent_std": step.std, "latent": step.latent, "noisy": step.noisy,
        "eps_uncond": step.unconditional, "eps_text": step.conditional,
    }.items():  # fmt: skip
        case.close(f"pk.A.{key}", ours, 2e-4, 0)
    case.close("pk.A.grad_latent", step.gradient, 0, 1e-4)
    assert step.enlarged.grad is not None
    case.close("pk.A.grad_x512_patch", step.enlarged.grad[patch], 0, 1e-3)
    for name, parameter in alpha.network.named_parameters():
        theirs = case.get(f"pk.A.grad.{name}")
        # a bias in front of batch statistics has no effect but rounding
        if theirs is None or theirs.dtype != torch.float16:
            continue
        assert parameter.grad is not None
        ours = parameter.grad.flatten()
        assert torch.linalg.norm(ours - theirs.float().flatten()) / theirs.float().norm() < 1e-2
        assert torch.cosine_similarity(ours, theirs.float().flatten(), dim=0) > 0.9999
    optimiser.step()
    with torch.no_grad():
        case.close("pk.A.alpha_after_step", alpha()[0], 5e-5, 0)


def test_labels_and_backgrounds(case: vectors.Case, image: Tensor, models: StableDiffusion) -> None:
    alpha = RasterAlpha(case["pk.B.init_image"], BilateralFilter(image))
    optimiser = torch.optim.SGD(alpha.parameters(), lr=0.1)
    case.close("pk.B.alpha0", alpha(), 1e-5, 0)
    times = case["pk.B.ts"]
    for b in range(times.shape[0]):
        for k in range(times.shape[1]):
            picture = composite(alpha()[k], image, case["pk.B.bgs"][b])
            noise, eps = case["pk.B.noises"][b, k][None].float(), case["pk.B.vae_eps"][b, k][None].float()
            embeddings = case[f"pk.emb{k}"]
            dream(models, picture, embeddings, int(times[b, k]), noise, eps).loss.backward()
    gravity(alpha()).backward()
    assert alpha.logits.grad is not None
    case.close("pk.B.grad_image", alpha.logits.grad, 0, 1e-4)
    optimiser.step()
    case.close("pk.B.image1", alpha.logits.detach(), 1e-4, 0)
    case.close("pk.B.alpha1", alpha(), 1e-5, 0)
