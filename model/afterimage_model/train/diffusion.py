"""Stage two: from words to latents, by rectified flow.

The straight line from a latent x to noise e is walked at constant speed; at time t it is at (1 - t) x + t e, and the
network learns the velocity e - x from that point, t and the words. The text encoder learns along with it.
"""

from copy import deepcopy
from pathlib import Path
from time import monotonic

import torch
from diffusers import AutoencoderTiny, UNet2DConditionModel
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer
from world.config import DiffusionConfig, TrainConfig
from world.pen import SIDE

from afterimage_model.train import checkpoint, tokenizer
from afterimage_model.train.log import Log
from afterimage_model.train.preview import preview
from afterimage_model.train.schedule import learning_rate, step_generator


class Writer(nn.Module):
    """The two networks that learn together: `text` reads the words, `unet` follows them."""

    def __init__(self, config: DiffusionConfig, latent_channels: int, words: CLIPTokenizer) -> None:
        super().__init__()
        self.text = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=len(words),
                hidden_size=config.text_width,
                intermediate_size=4 * config.text_width,
                num_hidden_layers=config.text_layers,
                num_attention_heads=config.text_heads,
                max_position_embeddings=config.tokens,
                projection_dim=config.text_width,
                bos_token_id=words.bos_token_id,
                eos_token_id=words.eos_token_id,
                pad_token_id=words.pad_token_id,
            )
        )
        down = ["CrossAttnDownBlock2D" if hears else "DownBlock2D" for hears in config.attention]
        up = ["CrossAttnUpBlock2D" if hears else "UpBlock2D" for hears in reversed(config.attention)]
        self.unet = UNet2DConditionModel(
            sample_size=SIDE // 8,
            in_channels=latent_channels,
            out_channels=latent_channels,
            block_out_channels=config.channels,
            down_block_types=tuple(down),
            up_block_types=tuple(up),
            layers_per_block=1,
            attention_head_dim=config.heads,
            cross_attention_dim=config.text_width,
            norm_num_groups=16,
            addition_embed_type="text",
            addition_embed_type_num_heads=config.heads,
        )

    def velocity(self, latents: Tensor, time: Tensor, tokens: Tensor) -> Tensor:
        """Velocity (n, c, h, w) at noisy latents (n, c, h, w), times (n,) in 0..1 and tokens (n, length)."""
        hidden = self.text(tokens)[0]
        result: Tensor = self.unet(latents, time * 1000, encoder_hidden_states=hidden).sample
        return result


def loss_of(writer: Writer, latents: Tensor, tokens: Tensor, plan: DiffusionConfig, chance: torch.Generator) -> Tensor:
    """Mean squared error of the velocity at random times, more of them in the middle, where the work is."""
    time = (torch.randn(len(latents), generator=chance) + plan.time_bias).sigmoid().to(latents.device)
    noise = torch.randn(latents.shape, generator=chance).to(latents.device)
    share = time[:, None, None, None]
    with torch.autocast(latents.device.type, torch.bfloat16, enabled=plan.bfloat16):
        velocity = writer.velocity((1 - share) * latents + share * noise, time, tokens)
    return functional.mse_loss(velocity.float(), noise - latents)


def batch_of(
    latents: Tensor, tokens: Tensor, silence: Tensor, plan: DiffusionConfig, chance: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Latents (n, c, h, w) and one wording of each (n, length) for one step; some wordings are silence."""
    chosen = torch.randint(len(latents), (plan.batch,), generator=chance)
    wording = torch.randint(tokens.shape[1], (plan.batch,), generator=chance)
    dropped = torch.rand(plan.batch, generator=chance) < plan.drop_caption
    told = torch.where(dropped[:, None], silence, tokens[chosen, wording].long())
    return latents[chosen.to(latents.device)].float(), told.to(latents.device)


def train(
    config: TrainConfig, latents: Tensor, tokens: Tensor, vae: AutoencoderTiny, folder: Path, until: float
) -> Writer:
    """Trains on latents (scenes, c, h, w) and tokens (scenes, wordings, length), resuming from `folder`.

    Ends when done or `until` (monotonic seconds).
    """
    device, plan = latents.device, config.diffusion
    words = tokenizer.build(plan.tokens)
    silence = words("", padding="max_length", return_tensors="pt").input_ids
    torch.manual_seed(config.seed)
    writer = Writer(plan, latents.shape[1], words).to(device)
    average = deepcopy(writer).requires_grad_(False)
    optimizer = torch.optim.AdamW(writer.parameters(), weight_decay=0.01, betas=(0.9, 0.98))
    step, path, log, began = 0, folder / "diffusion.pt", Log(folder / "diffusion.csv"), monotonic()
    if state := checkpoint.load(path, device):
        writer.load_state_dict(state["writer"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    running = 0.0
    while step < plan.steps and monotonic() < until:
        chance = step_generator(config.seed, step)
        some, told = batch_of(latents, tokens, silence, plan, chance)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(
                step, plan.steps, plan.learning_rate, warmup=min(400, plan.steps // 10), cool_from=plan.cool_from
            )
        loss = loss_of(writer, some, told, plan, chance)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(writer.parameters(), 1.0)
        optimizer.step()
        _follow(average, writer, share=max(1 - plan.ema, 10 / (step + 10)))
        step += 1
        running += float(loss.detach())
        if step % config.log_every == 0:
            log.row(step=step, loss=running / config.log_every, minutes=(monotonic() - began) / 60)
            running = 0.0
        if step % config.checkpoint_every == 0 or step == plan.steps:
            _save(path, writer, average, optimizer, step)
        if step % plan.grid_every == 0:
            preview(folder / "grids" / f"{step:06}.png", vae, average, words, folder / "fidelity.csv", step)
    _save(path, writer, average, optimizer, step)
    return average.eval()


@torch.no_grad()
def _follow(average: Writer, writer: Writer, share: float) -> None:
    """Moves the average towards the weights; early on by larger shares, so that it forgets the beginning."""
    for mean, weight in zip(average.parameters(), writer.parameters(), strict=True):
        mean.lerp_(weight, share)


def trained(config: TrainConfig, folder: Path, device: torch.device) -> Writer:
    """The averaged weights of the last checkpoint."""
    state = checkpoint.load(folder / "diffusion.pt", device)
    if state is None:
        raise FileNotFoundError(f"no diffusion checkpoint in {folder}: run the stage 'diffusion' first")
    plan = config.diffusion
    writer = Writer(plan, config.vae.latent_channels, tokenizer.build(plan.tokens)).to(device)
    writer.load_state_dict(state["average"])
    return writer.eval()


def _save(path: Path, writer: Writer, average: nn.Module, optimizer: torch.optim.Optimizer, step: int) -> None:
    checkpoint.save(
        path,
        {
            "writer": writer.state_dict(),
            "average": average.state_dict(),
            "optimizer": optimizer.state_dict(),
            "step": step,
        },
    )
