"""The job document that goes into the model container and the result document that comes out of it.

`POST /invocations` takes a GenerationJob and answers a GenerationResult, both as `application/json`. A refusal or a
failure is answered with a status of 400 and more and a ModelError. The picture files themselves travel through S3.
"""

from __future__ import annotations

from dataclasses import dataclass

from afterimage.contracts.codec import ContractError

MAX_SEED = 2**32 - 1
TXT2IMG = "txt2img"
IMG2IMG = "img2img"


@dataclass(frozen=True, kw_only=True)
class GenerationJob:
    """What the container is asked to make: one picture per seed.

    `width`, `height`, `steps`, `guidance` and `scheduler` may be None: the model folder's own default is used.
    `output_prefix` is `s3://bucket/prefix/` with a closing slash; None returns the pictures inline in base64. `img2img`
    begins from the picture at `input_key`, directly below `jobs/{job_id}/` in the server's bucket, and changes it by
    `strength` (0 to 1). `adapter` is the key of a LoRA; with `adapter_sha256` only the file of that digest will do.
    """

    job_id: str
    prompt: str
    seeds: tuple[int, ...]
    mode: str = TXT2IMG
    negative_prompt: str = ""
    width: int | None = None
    height: int | None = None
    steps: int | None = None
    guidance: float | None = None
    scheduler: str | None = None
    output_format: str = "png"
    output_prefix: str | None = None
    input_key: str | None = None
    strength: float | None = None
    adapter: str | None = None
    adapter_sha256: str | None = None

    def __post_init__(self) -> None:
        if not self.seeds:
            raise ContractError("seeds must name at least one seed")
        if any(not 0 <= seed <= MAX_SEED for seed in self.seeds):
            raise ContractError(f"each seed must lie between 0 and {MAX_SEED}")
        prefix = self.output_prefix
        if prefix is not None and not (prefix.startswith("s3://") and prefix.endswith("/")):
            raise ContractError("output_prefix must look like s3://bucket/prefix/")


@dataclass(frozen=True, kw_only=True)
class GeneratedImage:
    """One picture. `key` and `thumbnail_key` are S3 keys in the bucket of `output_prefix`, or None when inline.

    `sha256` is the hex digest of the picture file; `flagged` is the safety checker's verdict, None without a checker.
    """

    seed: int
    width: int
    height: int
    size_bytes: int
    sha256: str
    content_type: str
    key: str | None = None
    thumbnail_key: str | None = None
    flagged: bool | None = None
    base64: str | None = None


@dataclass(frozen=True, kw_only=True)
class GenerationWarning:
    """Something the person should know: `code` for machines (`prompt_cut`, `unknown_words`, `size_rounded`,
    `input_cut`, `parameter_ignored`), `message` one sentence, `detail` what exactly (the text that was cut)."""

    code: str
    message: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class GenerationResult:
    """What the container made. `timings_s` are seconds by stage; `versions` names model, torch and
    diffusers, and the watermark where the pictures carry one.

    `input_flagged` is the safety checker's verdict on the input picture, None without one or the other; from a flagged
    input nothing is made, and there are no images.
    """

    job_id: str
    images: tuple[GeneratedImage, ...]
    width: int
    height: int
    steps: int
    guidance: float
    scheduler: str
    warnings: tuple[GenerationWarning, ...] = ()
    input_flagged: bool | None = None
    timings_s: dict[str, float]
    versions: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class ModelProblem:
    """Why the container made nothing. `retryable` tells whether the same job may succeed later.

    Codes: `invalid_document`, `outside_limits`, `mode_not_supported`, `scheduler_not_supported`, `input_refused`,
    `adapter_refused` (the caller's doing, HTTP 400; an undecodable body also 413 and 415), `cancelled` (409),
    `client_gone` (499), `not_ready`, `busy` (503), `out_of_memory` (507), `storage_failed`, `generation_failed` (500).
    """

    code: str
    message: str
    retryable: bool = False


@dataclass(frozen=True, kw_only=True)
class ModelError:
    """Body of every answer of the container that is not a result."""

    error: ModelProblem
