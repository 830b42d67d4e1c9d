"""A CLIP tokenizer in which every known word is one token and any other word is spelt in pieces."""

from collections import Counter
from functools import cache
from itertools import pairwise
from string import ascii_lowercase, digits
from typing import Any

from transformers import CLIPTokenizer
from world.words import vocabulary

LETTERS = [*ascii_lowercase, *digits, *".,!?'-"]
START, END = "<|startoftext|>", "<|endoftext|>"
LAST = "</w>"
"""What CLIP's tokenizer puts on the last letter of a word."""


def build(length: int) -> CLIPTokenizer:
    """A tokenizer that gives at most `length` tokens; the same one at every call."""
    merges = learn_merges(tuple(vocabulary()))
    pieces = [START, END, *LETTERS, *(letter + LAST for letter in LETTERS), *("".join(pair) for pair in merges)]
    numbers = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    pairs: list[Any] = [*merges]  # the library's annotation says strings and its code wants pairs
    return CLIPTokenizer(vocab=numbers, merges=pairs, model_max_length=length)


@cache
def learn_merges(words: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Byte-pair encoding: joins the most frequent pair until each word is whole; ties go by the alphabet.

    The library's own trainer breaks ties at random, and a resumed run would find its words under other numbers.
    """
    spelt = [[*word[:-1], word[-1] + LAST] for word in words]
    merges: list[tuple[str, str]] = []
    while pairs := Counter(pair for word in spelt for pair in pairwise(word)):
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        spelt = [_joined(word, best) for word in spelt]
    return tuple(merges)


def _joined(word: list[str], pair: tuple[str, str]) -> list[str]:
    """The pieces of a word with every occurrence of the pair joined, from the left."""
    result: list[str] = []
    for piece in word:
        if result and (result[-1], piece) == pair:
            result[-1] += piece
        else:
            result.append(piece)
    return result
