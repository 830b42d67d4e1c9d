"""LoRA adapters: a fitting one changes the picture and leaves without a trace, one that does not fit is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from afterimage.contracts.generation import GenerationJob
from afterimage_model.adapters import KEPT_ADAPTERS
from afterimage_model.errors import AdapterRefused
from afterimage_model.predictor import Predictor
from afterimage_model.storage import adapter_files
from safetensors.torch import save

LAYER = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
RANK = 2
Files = dict[str, bytes]


def job(adapter: str | None = None, **values: Any) -> GenerationJob:
    return GenerationJob(job_id="j-1", **{"prompt": "a cat", "seeds": (1,), "steps": 2, "adapter": adapter, **values})


def pixels(model: Predictor, adapter: str | None = None, **values: Any) -> bytes:
    return model.predict(job(adapter, **values)).pictures[0].image.tobytes()


def halves(width: int, down: str, up: str, seed: int = 0, **more: torch.Tensor) -> bytes:
    torch.manual_seed(seed)
    return save({down: torch.randn(RANK, width), up: torch.randn(width, RANK), **more})


def peft(width: int, seed: int = 0, layer: str = f"unet.{LAYER}") -> bytes:
    return halves(width, f"{layer}.lora_A.weight", f"{layer}.lora_B.weight", seed)


@pytest.fixture(scope="module")
def files() -> Files:
    return {}


@pytest.fixture(scope="module")
def model(tiny_folder: Path, files: Files) -> Predictor:
    predictor = Predictor(str(tiny_folder), device="cpu", threads=1, warm_up=False, fetch_adapter=files.get)
    predictor.setup()
    return predictor


@pytest.fixture(scope="module")
def width(model: Predictor) -> int:
    return int(model._model_loaded.pipeline.unet.get_submodule(LAYER).weight.shape[1])


def test_an_adapter_changes_the_picture_and_leaves_without_a_trace(model: Predictor, files: Files, width: int) -> None:
    files["styles/ink"], files["styles/oil"] = peft(width), peft(width, seed=1)
    own = pixels(model)
    ink = pixels(model, "styles/ink")
    assert len({own, ink, pixels(model, "styles/oil")}) == 3
    assert pixels(model) == own
    assert pixels(model, "styles/ink") == ink


def test_the_namings_of_peft_diffusers_and_kohya_mean_the_same(model: Predictor, files: Files, width: int) -> None:
    files["peft"] = peft(width)
    files["diffusers"] = halves(width, f"unet.{LAYER}.lora.down.weight", f"unet.{LAYER}.lora.up.weight")
    kohya = "lora_unet_" + LAYER.replace(".", "_")
    files["kohya"] = halves(
        width,
        f"{kohya}.lora_down.weight",
        f"{kohya}.lora_up.weight",
        **{f"{kohya}.alpha": torch.tensor(float(RANK))},
    )
    assert pixels(model, "peft") == pixels(model, "diffusers") == pixels(model, "kohya")


def test_alpha_over_rank_is_the_weight_of_an_adapter(model: Predictor, files: Files, width: int) -> None:
    key = f"unet.{LAYER}"
    files["none"] = halves(width, f"{key}.lora_A.weight", f"{key}.lora_B.weight", **{f"{key}.alpha": torch.tensor(0.0)})
    assert pixels(model, "none") == pixels(model)


def test_an_adapter_of_the_text_encoder_changes_the_picture_too(model: Predictor, files: Files) -> None:
    encoder = model._model_loaded.pipeline.text_encoder
    name, layer = next((n, m) for n, m in encoder.named_modules() if n.endswith("q_proj"))
    files["words"] = peft(layer.weight.shape[1], layer=f"text_encoder.{name}")
    own = pixels(model, negative_prompt="a dog")
    assert pixels(model, "words", negative_prompt="a dog") != own
    assert pixels(model, negative_prompt="a dog") == own


def test_one_that_is_refused_after_another_leaves_no_trace_of_either(
    model: Predictor, files: Files, width: int
) -> None:
    encoder = model._model_loaded.pipeline.text_encoder
    name, layer = next((n, m) for n, m in encoder.named_modules() if n.endswith("q_proj"))
    files["words"], files["wide"] = peft(layer.weight.shape[1], layer=f"text_encoder.{name}"), peft(width + 1)
    own = pixels(model, negative_prompt="a dog")
    pixels(model, "words", negative_prompt="a dog")
    with pytest.raises(AdapterRefused):
        pixels(model, "wide")
    assert pixels(model, negative_prompt="a dog") == own


REFUSED: dict[str, Callable[[int], bytes]] = {
    "another width": lambda width: peft(width + 1),
    "another layer": lambda width: peft(width, layer="unet.down_blocks.9.nothing"),
    "another part": lambda width: peft(width, layer="vae.encoder.conv_in"),
    "half of it": lambda width: save({f"unet.{LAYER}.lora_A.weight": torch.zeros(RANK, width)}),
    "no lora": lambda width: save({"unet.conv_in.weight": torch.zeros(1)}),
    "halves of different ranks": lambda width: save(
        {f"unet.{LAYER}.lora_A.weight": torch.zeros(2, width), f"unet.{LAYER}.lora_B.weight": torch.zeros(width, 3)}
    ),
    "nothing": lambda width: save({}),
    "a pickle": lambda width: b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00}\x94.",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_and_the_model_stays_its_own(
    name: str, model: Predictor, files: Files, width: int
) -> None:
    own = pixels(model)
    files[name.replace(" ", "-")] = REFUSED[name](width)
    with pytest.raises(AdapterRefused) as caught:
        pixels(model, name.replace(" ", "-"))
    assert (caught.value.status, caught.value.code) == (400, "adapter_refused")
    assert pixels(model) == own


def test_a_file_of_another_digest_is_refused_even_when_it_is_known(model: Predictor, files: Files, width: int) -> None:
    files["known"] = peft(width)
    digest = hashlib.sha256(files["known"]).hexdigest()
    first = pixels(model, "known", adapter_sha256=digest)
    with pytest.raises(AdapterRefused, match="digest"):
        pixels(model, "known", adapter_sha256="0" * 64)
    files["known"] = peft(width, seed=5)
    assert pixels(model, "known", adapter_sha256=digest) == first  # still in memory, and still that one
    assert pixels(model, "known", adapter_sha256=hashlib.sha256(files["known"]).hexdigest()) != first


def test_the_ones_used_last_are_kept_and_the_others_read_again(
    tiny_folder: Path, width: int, load: Callable[[Path], Predictor]
) -> None:
    read: list[str] = []

    def fetch(key: str) -> bytes:
        read.append(key)
        return peft(width, seed=int(key))

    predictor = Predictor(str(tiny_folder), device="cpu", threads=1, warm_up=False, fetch_adapter=fetch)
    predictor.setup()
    names = [str(number) for number in range(KEPT_ADAPTERS + 1)]
    for name in [*names, names[-1], names[1], names[0]]:
        pixels(predictor, name, steps=1)
    assert read == [*names, names[0]]


@pytest.mark.parametrize("key", ["absent", "../weights", "/etc/passwd", "a//b", "", "a/../b", "x" * 300])
def test_a_key_that_leads_nowhere_is_refused(model: Predictor, key: str) -> None:
    with pytest.raises(AdapterRefused):
        pixels(model, key)


def test_a_server_without_adapters_refuses_every_key(predictor: Predictor) -> None:
    with pytest.raises(AdapterRefused, match="there is no adapter"):
        pixels(predictor, "styles/ink")


def test_adapters_come_from_a_folder_or_a_prefix(tmp_path: Path) -> None:
    (tmp_path / "lora" / "styles").mkdir(parents=True)
    (tmp_path / "lora" / "styles" / "ink.safetensors").write_bytes(b"ink")
    (tmp_path / "secret.safetensors").write_bytes(b"secret")

    class Asked:
        def get(self, bucket: str, key: str, most_bytes: int) -> bytes:
            return f"{bucket} {key}".encode()

    from_folder = adapter_files(str(tmp_path / "lora"), Asked())  # type: ignore[arg-type]
    assert from_folder("styles/ink") == b"ink"
    assert from_folder("styles/oil") is None
    assert from_folder("../secret") is None
    for place in ("s3://models/lora", "s3://models/lora/"):
        assert adapter_files(place, Asked())("styles/ink") == b"models lora/styles/ink.safetensors"  # type: ignore[arg-type]
