"""What is trained, how large, how long, and why; a run may differ from it only in a `TrainConfig` of its own."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class VaeConfig:
    """The autoencoder: 64×64×3 picture to 8×8×8 latents and back."""

    channels: int = 32  # a picture is flat colour and smooth edges; more width costs more than it gives
    latent_channels: int = 8  # four blur the corners of stars
    encoder_blocks: tuple[int, ...] = (0, 1, 2, 2)  # the encoder only has to say what is where
    decoder_blocks: tuple[int, ...] = (3, 3, 2, 2)  # two blocks at full resolution, where edges are made
    steps: int = 7_500
    batch: int = 16
    crop_steps: int = 6_000  # of all steps, the first so many see 32×32 crops: four times as many steps per minute
    crop_batch: int = 24
    learning_rate: float = 2e-3
    refine_steps: int = 2_100  # the decoder alone, beside or after diffusion
    refine_rate: float = 8e-4
    edge_weight: float = 1.0  # L1 of the picture alone leaves edges soft
    moment_weight: float = 0.02  # pulls every latent channel to mean 0 and variance 1
    latent_noise: float = 0.06  # the decoder must forgive what diffusion does not get exactly right


@dataclass(frozen=True, slots=True)
class DiffusionConfig:
    """Words to latents: a CLIP text encoder and a U-Net, trained together by rectified flow."""

    tokens: int = 32  # a long caption with a spelt-out unknown word fits
    text_width: int = 128
    text_layers: int = 2
    text_heads: int = 4
    channels: tuple[int, int] = (96, 128)  # at 8×8 and 4×4
    attention: tuple[bool, bool] = (False, True)  # 8×8 hears the words through the time embedding and from below
    heads: int = 4
    steps: int = 5_450
    batch: int = 64
    shapes: float = 0.8  # of a batch: outlines are learnt last, landscapes early
    time_bias: float = 0.4  # of the logit of time: outlines are decided where there is more noise than picture
    learning_rate: float = 1.2e-3
    ema: float = 0.999  # the weights that ship are an average over about a thousand steps
    drop_caption: float = 0.1  # what guidance compares with
    grid_every: int = 1_000


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """A whole run."""

    seed: int = 7
    vae_scenes: int = 48_000  # pictures the autoencoder sees
    scenes: int = 40_000  # pictures diffusion sees
    log_every: int = 100
    checkpoint_every: int = 500
    vae: VaeConfig = field(default_factory=VaeConfig)
    diffusion: DiffusionConfig = field(default_factory=DiffusionConfig)
