"""LoRA adapters: fetched by key, held against the model's shapes, added to its weights and taken away again.

The weights are restored from a copy, not by subtraction, so a job without an adapter gets the model's own bits back.
This is done here rather than by peft, whose import would lengthen every start for a few matrix products.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load

from afterimage_model.errors import AdapterRefused

KEPT_ADAPTERS = 4
KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*){0,4}")
PARTS = {"unet": "unet", "text_encoder": "text_encoder", "text_encoder_2": "text_encoder_2"}
KOHYA_PARTS = {"lora_unet": "unet", "lora_te": "text_encoder", "lora_te1": "text_encoder", "lora_te2": "text_encoder_2"}
DOWN = (".lora_A.weight", ".lora.down.weight", ".lora_down.weight", ".lora_linear_layer.down.weight")
UP = (".lora_B.weight", ".lora.up.weight", ".lora_up.weight", ".lora_linear_layer.up.weight")

Fetch = Callable[[str], bytes | None]
"""The safetensors file of a key, None when there is none."""


@dataclass(frozen=True)
class Change:
    """What one layer gets: `up` × `down`, times `scale`."""

    down: torch.Tensor
    up: torch.Tensor
    scale: float

    def added(self, weight: torch.Tensor) -> torch.Tensor:
        """In the shape of `weight`. Raises AdapterRefused when it has another."""
        down, up = (part.to(weight.device, torch.float32) for part in (self.down, self.up))
        product = (up.flatten(1) @ down.flatten(1)) if up.flatten(1).shape[1] == down.shape[0] else None
        if product is None or product.numel() != weight.numel() or product.shape[0] != weight.shape[0]:
            shapes = f"{tuple(down.shape)} and {tuple(up.shape)} for {tuple(weight.shape)}"
            raise AdapterRefused(f"the adapter does not fit this model: {shapes}")
        return (self.scale * product).reshape(weight.shape)


class Adapters:
    """The adapters of one loaded pipeline: at most one is on it at a time; the ones used last are kept in memory."""

    def __init__(self, pipeline: Any, fetch: Fetch | None) -> None:
        """`fetch` None: this server has none."""
        self._pipeline = pipeline
        self._fetch = fetch
        self._kept: OrderedDict[str, tuple[str, dict[str, Change]]] = OrderedDict()
        self._own: dict[str, torch.Tensor] = {}
        self._present: str | None = None

    @property
    def present(self) -> str | None:
        """The digest of the adapter that the pipeline carries."""
        return self._present

    def put_on(self, key: str | None, sha256: str | None = None) -> None:
        """Make the pipeline carry exactly this adapter, or none.

        Raises AdapterRefused for one that is not there, is no safetensors file, has another digest or does not fit;
        then the pipeline carries none.
        """
        digest, changes = self._adapter(key, sha256) if key is not None else (None, {})
        if digest == self._present:
            return
        self._take_off()
        layers = dict(self._layers())
        added = {name: change.added(layers[name].weight) for name, change in changes.items()}
        for name, weights in added.items():
            self._own[name] = layers[name].weight.detach().clone()
            with torch.no_grad():
                layers[name].weight.add_(weights.to(layers[name].weight.dtype))
        self._present = digest

    def _take_off(self) -> None:
        layers = dict(self._layers())
        for name, weights in self._own.items():
            with torch.no_grad():
                layers[name].weight.copy_(weights)
        self._own, self._present = {}, None

    def _adapter(self, key: str, sha256: str | None) -> tuple[str, dict[str, Change]]:
        if key not in self._kept or (sha256 is not None and self._kept[key][0] != sha256):
            self._kept[key] = self._read(key, sha256)
        self._kept.move_to_end(key)
        while len(self._kept) > KEPT_ADAPTERS:
            self._kept.popitem(last=False)
        return self._kept[key]

    def _read(self, key: str, sha256: str | None) -> tuple[str, dict[str, Change]]:
        if KEY.fullmatch(key) is None or ".." in key:
            raise AdapterRefused("an adapter's key holds plain names with slashes between them")
        body = self._fetch(key) if self._fetch is not None else None
        if body is None:
            raise AdapterRefused(f"there is no adapter {key!r}")
        digest = hashlib.sha256(body).hexdigest()
        if sha256 is not None and digest != sha256:
            raise AdapterRefused(f"the adapter {key!r} is not the one that was asked for: its digest differs")
        try:
            tensors = load(body)
        except SafetensorError as exc:
            raise AdapterRefused(f"the adapter {key!r} is no safetensors file") from exc
        return digest, self._changes(tensors)

    def _changes(self, tensors: dict[str, torch.Tensor]) -> dict[str, Change]:
        names = {name for name, _ in self._layers()}
        by_underscores = {name.replace(".", "_"): name for name in names}
        changes: dict[str, Change] = {}
        for key in sorted(tensors):
            ending = next((ending for ending in DOWN if key.endswith(ending)), None)
            if ending is None:
                if not key.endswith((*UP, ".alpha")):
                    raise AdapterRefused(f"the adapter holds {key!r}, which is no part of a LoRA")
                continue
            stem = key.removesuffix(ending)
            up = tensors.get(stem + UP[DOWN.index(ending)])
            name = _layer_name(stem, by_underscores)
            if name not in names or up is None:
                raise AdapterRefused(
                    f"the adapter names {stem!r}, which this model does not have or which lacks a half"
                )
            rank = tensors[key].shape[0]
            alpha = tensors.get(f"{stem}.alpha")
            changes[name] = Change(tensors[key], up, 1.0 if alpha is None else float(alpha) / rank)
        if not changes:
            raise AdapterRefused("the adapter changes nothing")
        return changes

    def _layers(self) -> Iterator[tuple[str, torch.nn.Module]]:
        for part in PARTS:
            network = getattr(self._pipeline, part, None)
            if network is not None:
                for name, module in network.named_modules():
                    if isinstance(module, torch.nn.Linear | torch.nn.Conv2d):
                        yield f"{part}.{name}", module


def _layer_name(stem: str, by_underscores: dict[str, str]) -> str:
    """The layer that a file means: diffusers' dotted names, or kohya's with underscores."""
    part, _, rest = stem.partition(".")
    if part in PARTS:
        return f"{part}.{rest.replace('.processor', '').replace('to_out_lora', 'to_out.0').replace('_lora', '')}"
    for prefix, meant in sorted(KOHYA_PARTS.items(), key=lambda pair: -len(pair[0])):
        if stem.startswith(f"{prefix}_"):
            return by_underscores.get(f"{meant}_{stem.removeprefix(f'{prefix}_')}", "")
    return ""
