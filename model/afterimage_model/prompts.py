"""What the model will not see of a prompt, said as warnings instead of silently dropped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from afterimage.contracts.generation import GenerationWarning

WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")


def cut_text(prompt: str, tokenizer: Any, max_tokens: int) -> str:
    """The end of `prompt` that lies behind the model's window of `max_tokens` tokens (start and end mark included).

    Empty when everything fits. Diffusers cuts at the same place; CLIP's window is 77.
    """
    encoded = tokenizer(prompt, truncation=False, return_offsets_mapping=True, verbose=False)
    spans = encoded["offset_mapping"]
    if len(spans) <= max_tokens:
        return ""
    return prompt[spans[max_tokens - 1][0] :].strip()


def cut_warnings(texts: Iterable[tuple[str, str]], windows: Iterable[tuple[Any, int]]) -> list[GenerationWarning]:
    """One `prompt_cut` per (name, text) that is longer than the smallest of the (tokenizer, max_tokens) windows."""
    windows = list(windows)
    warnings = []
    for name, text in texts:
        cut = max((cut_text(text, tokenizer, most) for tokenizer, most in windows), key=len, default="")
        if cut:
            message = f"The {name} is longer than the model reads; its end was cut."
            warnings.append(GenerationWarning(code="prompt_cut", message=message, detail=cut))
    return warnings


def unknown_word_warnings(texts: Iterable[str], known_words: frozenset[str] | None) -> list[GenerationWarning]:
    """An `unknown_words` warning naming, once each and in order, the words the model never saw; none without a list."""
    if known_words is None:
        return []
    words = [word.lower() for text in texts for word in WORD.findall(text)]
    unknown = list(dict.fromkeys(word for word in words if word not in known_words))
    if not unknown:
        return []
    message = "The model does not know some of the words; they will not show in the picture."
    return [GenerationWarning(code="unknown_words", message=message, detail=", ".join(unknown))]
