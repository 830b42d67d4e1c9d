"""Prompts as the networks see them, each encoded by itself, so that a batch changes none of them."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch

KEPT_NEGATIVES = 8
"""Most jobs have the empty one, and it takes as long to encode as a prompt."""

Embeddings = dict[str, torch.Tensor]
"""Arguments of the pipeline's call, one row each."""

NAMES = ("prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds", "negative_pooled_prompt_embeds")


class Texts:
    """Encodes prompts with a pipeline's own encoders, and keeps the negative prompts it saw last."""

    def __init__(self) -> None:
        self._negatives: OrderedDict[str, Embeddings] = OrderedDict()

    def encode(self, pipeline: Any, prompt: str, negative: str, guided: bool) -> Embeddings:
        """One row of embeddings for each argument that the pipeline takes; negative ones only where it is guided."""
        found = _encode(pipeline, prompt=prompt, do_classifier_free_guidance=False)
        if guided:
            found |= self._negative(pipeline, negative)
        return found

    def _negative(self, pipeline: Any, negative: str) -> Embeddings:
        if negative not in self._negatives:
            both = _encode(pipeline, prompt="", negative_prompt=negative or None, do_classifier_free_guidance=True)
            self._negatives[negative] = {name: rows for name, rows in both.items() if name.startswith("negative")}
            while len(self._negatives) > KEPT_NEGATIVES:
                self._negatives.popitem(last=False)
        self._negatives.move_to_end(negative)
        return self._negatives[negative]


def _encode(pipeline: Any, **arguments: Any) -> Embeddings:
    with torch.no_grad():
        rows = pipeline.encode_prompt(device=pipeline.device, num_images_per_prompt=1, **arguments)
    return {name: row for name, row in zip(NAMES, rows, strict=False) if row is not None}
