"""The judge that needs nobody: a policy's terms, looked for in what a model will read.

A decision names category and policy version, so a person can be told why and an operator can see under which rules.
"""

from __future__ import annotations

import re

from afterimage.domain.moderation_policy import Category, Policy, packaged_policy, parse_policy
from afterimage.domain.reading import is_unspaced, normalise, read
from afterimage.domain.verdicts import Action, Decision, NamedText, Replaced, Verdict, decide

__all__ = [
    "INPUT",
    "POLICY",
    "PROMPT",
    "Action",
    "Category",
    "Decision",
    "NamedText",
    "Policy",
    "judge_prompt",
    "judge_texts",
    "normalise",
    "packaged_policy",
    "parse_policy",
    "texts_of",
]

PROMPT = "prompt"
INPUT = "input"
POLICY = "policy"
_TOO_WELL_HIDDEN = "The request breaks the content policy."


def texts_of(prompt: str, negative_prompt: str, adapter: str = "") -> tuple[NamedText, ...]:
    """Return what is judged before anything is made; the frame of a preset is part of `prompt`. An adapter is named for
    what it draws."""
    texts = (
        NamedText(name=PROMPT, text=prompt),
        NamedText(name="negative_prompt", text=negative_prompt, wanted=False),
        NamedText(name="adapter", text=adapter),
    )
    return tuple(text for text in texts if text.text)


def judge_prompt(prompt: str, negative_prompt: str, policy: Policy, at_ms: int, adapter: str = "") -> Decision:
    """Return what the policy alone decides, as a dry run tells it."""
    return decide(PROMPT, (judge_texts(texts_of(prompt, negative_prompt, adapter), policy),), at_ms)


def judge_texts(texts: tuple[NamedText, ...], policy: Policy) -> Verdict:
    """Return what the policy says of all texts together; of these only the one named `prompt` is softened."""
    readings = [(text, read(text.text)) for text in texts]
    matches = [
        category
        for category in policy.categories
        if any(category.found_in(reading, text.wanted) for text, reading in readings)
    ]
    if not matches:
        return Verdict(layer=POLICY, version=policy.version)
    action = max((category.action for category in matches), key=list(Action).index)
    alike = [category for category in matches if category.action is action]
    sentence = alike[0].sentence
    softened: str | None = None
    replaced: tuple[Replaced, ...] = ()
    if action is Action.SOFTEN:
        softened, replaced = _softened(next((t.text for t in texts if t.name == PROMPT), ""), alike)
        others = [reading for text, reading in readings if text.name != PROMPT and text.wanted]
        if any(category.found_in(reading) for reading in (read(softened), *others) for category in alike):
            # A disguise that could be seen but not replaced.
            action, sentence, softened, replaced = Action.BLOCK, _TOO_WELL_HIDDEN, None, ()
    return Verdict(
        layer=POLICY,
        version=policy.version,
        action=action,
        categories=tuple(category.name for category in alike),
        sentence=sentence,
        softened_prompt=softened,
        replaced=replaced,
    )


def _softened(prompt: str, categories: list[Category]) -> tuple[str, tuple[Replaced, ...]]:
    replaced: list[Replaced] = []
    for category in categories:
        for term, put in category.put_in_place_of().items():
            # The parts are put together by hand: a replacement of an operator's own policy is text, not a template.
            found = list(re.finditer(_written(term), prompt))
            for match in reversed(found):
                prompt = prompt[: match.start()] + put + prompt[match.end() :]
            replaced += [Replaced(found=match[0], put=put) for match in found]
    return prompt, tuple(dict.fromkeys(replaced))


def _written(term: str) -> str:
    """What finds a term as people write it, its marks and accents as in the policy or left out."""
    bare = term.strip("*")
    forms = dict.fromkeys(r"[\W_]*".join(map(re.escape, form.split())) for form in (bare, normalise(bare)))
    if is_unspaced(bare):
        return "|".join(forms)
    ahead = r"\w*" if term.startswith("*") else ""
    behind = r"\w*" if term.endswith("*") else ""
    return rf"(?i)(?<!\w){ahead}(?:{'|'.join(forms)}){behind}(?!\w)"
