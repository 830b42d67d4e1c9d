"""What is trained, how large, how long, and why; a run may differ from it only in a `TrainConfig` of its own."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class VaeConfig:
    """The autoencoder: a 128×128×3 picture to 16×16×8 latents and back.

    Eight pixels a side to a latent rather than sixteen: after five minutes of one core a picture came back with 32.6 dB
    (eight channels) or 31.9 (four), against 27.7 with sixteen pixels and sixteen channels, as many numbers as the four.
    `AutoencoderKL`, whose norms lose flat colours, stood at 17.9 after three.
    """

    channels: int = 32  # a picture is flat colour and smooth edges; more width costs more than it gives
    latent_channels: int = 8
    encoder_blocks: tuple[int, ...] = (0, 1, 2, 2)  # the encoder only has to say what is where
    decoder_blocks: tuple[int, ...] = (3, 3, 2, 1)  # the one block at full resolution is half of all work
    steps: int = 8_000
    batch: int = 6
    crop_steps: int = 7_000  # of all steps, the first so many see 64×64 crops: four times as many pictures in the time
    crop_batch: int = 16
    learning_rate: float = 2e-3
    refine_steps: int = 6_000  # the decoder alone, beside or after diffusion
    refine_rate: float = 8e-4
    edge_weight: float = 1.0  # L1 of the picture alone leaves edges soft
    moment_weight: float = 0.02  # pulls every latent channel to mean 0 and variance 1
    grid_every: int = 500
    latent_noise: float = 0.06  # the decoder must forgive what diffusion does not get exactly right


@dataclass(frozen=True, slots=True)
class DiffusionConfig:
    """Words to latents: a CLIP text encoder and a U-Net, trained together by rectified flow."""

    tokens: int = 40  # a long caption with a preset's frame fits
    text_width: int = 160
    text_layers: int = 2
    text_heads: int = 4
    channels: tuple[int, ...] = (64, 96, 160)  # at 16×16, 8×8 and 4×4
    attention: tuple[bool, ...] = (False, True, True)  # 16×16 hears the words through the time embedding and from below
    heads: int = 4
    steps: int = 60_000
    batch: int = 64
    time_bias: float = 0.3  # of the logit of time: outlines are decided where there is more noise than picture
    bfloat16: bool = True  # products only, weights stay in 32 bits; a quarter faster on cores with AVX512-BF16
    learning_rate: float = 1e-3
    cool_from: float = 0.8  # of all steps; until there the rate is constant, so that a longer plan only moves the end
    ema: float = 0.9995  # the weights that ship are an average over about two thousand steps
    drop_caption: float = 0.1  # what guidance compares with
    captions: int = 8  # wordings of each scene, made beforehand
    grid_every: int = 1_000


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """A whole run."""

    seed: int = 7
    vae_scenes: int = 24_000  # pictures the autoencoder sees
    scenes: int = 120_000  # pictures diffusion sees
    log_every: int = 50
    checkpoint_every: int = 200
    vae: VaeConfig = field(default_factory=VaeConfig)
    diffusion: DiffusionConfig = field(default_factory=DiffusionConfig)
