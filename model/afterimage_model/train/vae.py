"""Stage one: an autoencoder that draws sharp edges.

It starts as "average down, nearest up" in three of its channels, so that its first picture is already a blurred copy,
and learns from there.
"""

from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import torch
from diffusers import AutoencoderTiny
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from world.config import TrainConfig, VaeConfig

from afterimage_model.train import checkpoint
from afterimage_model.train.dataset import as_floats, pictures
from afterimage_model.train.log import Log, grid
from afterimage_model.train.schedule import learning_rate, step_generator

UNSEEN = range(10_000_000, 10_000_048)
"""Seeds of scenes that no training reaches."""
SPREAD = 4.0
"""Colours in 0..1 times this, around their middle, have about unit variance as latents."""


def build(config: VaeConfig) -> AutoencoderTiny:
    """A new autoencoder that averages on the way down and repeats on the way up."""
    width = (config.channels,) * 4
    vae = AutoencoderTiny(
        encoder_block_out_channels=width,
        decoder_block_out_channels=width,
        num_encoder_blocks=config.encoder_blocks,
        num_decoder_blocks=config.decoder_blocks,
        latent_channels=config.latent_channels,
        scaling_factor=1.0,
    )
    for part in (vae.encoder.layers, vae.decoder.layers):
        for layer in part:
            if isinstance(layer, nn.Conv2d):
                _pass_colours(layer)
            elif hasattr(layer, "conv"):
                last = layer.conv[-1]
                nn.init.zeros_(last.bias)
                with torch.no_grad():
                    last.weight.mul_(0.3)
                    last.weight[:3] = 0
    with torch.no_grad():
        last, first = vae.encoder.layers[-1], vae.decoder.layers[0]
        last.weight[:3] *= SPREAD
        last.bias[:3] = -SPREAD / 2
        first.weight[:3] /= SPREAD
        first.bias[:3] = 0.5
    return vae


def _pass_colours(layer: nn.Conv2d) -> None:
    """Makes a convolution copy its first three channels; one with stride 2 averages each 2×2 square of them."""
    with torch.no_grad():
        layer.weight[:3] = 0
        for channel in range(3):
            if layer.stride[0] == 2:
                layer.weight[channel, channel, 1:, 1:] = 0.25
            else:
                layer.weight[channel, channel, 1, 1] = 1.0
        if layer.bias is not None:
            layer.bias.zero_()


def edges(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Differences to the right and lower neighbour of (n, 3, h, w)."""
    return pictures[..., :, 1:] - pictures[..., :, :-1], pictures[..., 1:, :] - pictures[..., :-1, :]


def _difference(ours: Tensor, theirs: Tensor) -> Tensor:
    """Absolute error, which keeps edges sharp, and squared error, without which stars and windows are left out."""
    return functional.l1_loss(ours, theirs) + 4 * functional.mse_loss(ours, theirs)


def loss_of(
    vae: AutoencoderTiny, pictures: Tensor, noise: Tensor, config: VaeConfig
) -> tuple[Tensor, dict[str, float]]:
    """Loss on pictures (n, 3, h, w) in -1..1; `noise` has the shape of their latents."""
    latents = vae.encoder(pictures)
    decoded = vae.decoder(latents + config.latent_noise * noise)
    picture_loss = _difference(decoded, pictures)
    across, down = (_difference(a, b) for a, b in zip(edges(decoded), edges(pictures), strict=True))
    edge_loss = across + down
    variance, mean = torch.var_mean(latents, dim=(0, 2, 3))
    moments = (mean.square() + (variance - 1).square()).mean()
    total = picture_loss + config.edge_weight * edge_loss + config.moment_weight * moments
    parts = {"picture": picture_loss, "edge": edge_loss, "moments": moments}
    return total, {name: float(part.detach()) for name, part in parts.items()}


def batch_of(pictures: Tensor, config: VaeConfig, crops: bool, chance: torch.Generator) -> Tensor:
    """The 8-bit pictures of one step: quarters of pictures, or whole ones."""
    if not crops:
        return pictures[torch.randint(len(pictures), (config.batch,), generator=chance)]
    chosen = torch.randint(len(pictures), (config.crop_batch,), generator=chance).tolist()
    side = pictures.shape[1] // 2
    corners = torch.randint(side + 1, (config.crop_batch, 2), generator=chance).tolist()
    places = zip(chosen, corners, strict=True)
    return torch.stack([pictures[i, top : top + side, left : left + side] for i, (top, left) in places])


def train(config: TrainConfig, pictures: Tensor, folder: Path, device: torch.device, until: float) -> AutoencoderTiny:
    """Trains on 8-bit (n, side, side, 3) pictures until done or `until` (monotonic seconds), resuming from `folder`."""
    torch.manual_seed(config.seed)
    vae = build(config.vae).to(device, memory_format=torch.channels_last)
    plan = Plan("vae", config.vae.steps, config.vae.learning_rate, config.vae.crop_steps)
    _descend(vae, list(vae.parameters()), plan, config, pictures, folder, until)
    return vae.eval()


def refine(config: TrainConfig, pictures: Tensor, folder: Path, device: torch.device, until: float) -> AutoencoderTiny:
    """Trains the decoder on, for the encoder the first stage ended with; latents stay what they are.

    It can run beside the diffusion stage, which depends on the encoder alone.
    """
    vae = trained(config, folder, device)
    vae.encoder.requires_grad_(False)
    plan = Plan("refine", config.vae.refine_steps, config.vae.refine_rate, 0)
    _descend(vae, list(vae.decoder.parameters()), plan, config, pictures, folder, until)
    return vae.eval()


def trained(config: TrainConfig, folder: Path, device: torch.device) -> AutoencoderTiny:
    """The autoencoder of the last checkpoint, refined if it has been."""
    state = checkpoint.load(folder / "refine.pt", device) or checkpoint.load(folder / "vae.pt", device)
    if state is None:
        raise FileNotFoundError(f"no autoencoder in {folder}: run the stage 'vae' first")
    if not (folder / "refine.pt").exists() and state["step"] < config.vae.steps:
        raise ValueError(f"the autoencoder has {state['step']} of {config.vae.steps} steps: run the stage 'vae' on")
    vae = build(config.vae).to(device, memory_format=torch.channels_last)
    vae.load_state_dict(state["vae"])
    return vae.eval()


@torch.no_grad()
def watch(vae: AutoencoderTiny, path: Path, log: Log, step: int) -> None:
    """Logs how near pictures that training never sees come back, and saves some of them over their copies."""
    originals = pictures(UNSEEN)
    copies = vae.decoder(vae.encoder(as_floats(originals, next(vae.parameters()).device))).clamp(-1, 1).cpu()
    errors = ((copies - as_floats(originals, torch.device("cpu"))) / 2).square().mean((1, 2, 3))
    log.row(step=step, decibels=float(-10 * errors.log10().mean()))
    copied = copies.add(1).mul(127.5).round().byte().permute(0, 2, 3, 1)
    pairs = [side for row in range(0, 48, 12) for some in (originals, copied) for side in some[row : row + 12]]
    path.parent.mkdir(parents=True, exist_ok=True)
    grid([Image.fromarray(picture.numpy()) for picture in pairs], columns=12).save(path)


@dataclass(frozen=True, slots=True)
class Plan:
    """What sets one descent apart: its name, length, peak learning rate, and how many steps see crops."""

    name: str
    steps: int
    rate: float
    crop_steps: int


def _descend(
    vae: AutoencoderTiny,
    parameters: list[nn.Parameter],
    plan: Plan,
    config: TrainConfig,
    pictures: Tensor,
    folder: Path,
    until: float,
) -> None:
    """The loop of both stages: trains the parameters in place."""
    device = parameters[0].device
    optimizer = torch.optim.AdamW(parameters, weight_decay=1e-4, betas=(0.9, 0.98))
    step, path, log = 0, folder / f"{plan.name}.pt", Log(folder / f"{plan.name}.csv")
    if state := checkpoint.load(path, device):
        vae.load_state_dict(state["vae"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    while step < plan.steps and monotonic() < until:
        chance = step_generator(config.seed, step)
        batch = as_floats(batch_of(pictures, config.vae, step < plan.crop_steps, chance), device)
        latent_shape = len(batch), config.vae.latent_channels, batch.shape[2] // 8, batch.shape[3] // 8
        noise = torch.randn(latent_shape, generator=chance).to(device)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, plan.steps, plan.rate)
        loss, parts = loss_of(vae, batch, noise, config.vae)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        step += 1
        if step % config.log_every == 0:
            log.row(step=step, loss=float(loss.detach()), **parts)
        if step % config.vae.grid_every == 0:
            watch(vae, folder / "grids" / f"{plan.name}-{step:06}.png", Log(folder / f"{plan.name}-decibels.csv"), step)
        if step % config.checkpoint_every == 0 or step == plan.steps:
            checkpoint.save(path, {"vae": vae.state_dict(), "optimizer": optimizer.state_dict(), "step": step})
    checkpoint.save(path, {"vae": vae.state_dict(), "optimizer": optimizer.state_dict(), "step": step})
