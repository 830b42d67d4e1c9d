"""The prompt policy: disguises are seen through, innocents pass, the strictest rule decides and says which it was."""

from __future__ import annotations

import dataclasses
import json
import unicodedata

import pytest
from afterimage.domain.errors import PolicyInvalidError
from afterimage.domain.moderation import (
    Action,
    Category,
    Decision,
    Policy,
    judge_prompt,
    normalise,
    packaged_policy,
    parse_policy,
)
from fakes.samples import HOLDING_POLICY
from hypothesis import given
from hypothesis import strategies as st


def judge(prompt: str, negative: str = "", policy: Policy | None = None) -> Decision:
    return judge_prompt(prompt, negative, policy or packaged_policy(), 5)


@pytest.mark.parametrize(
    "prompt",
    [
        "porn",
        "PORN",
        "PoRn star",
        "a picture of porn.",
        "¿porn?",
        "p0rn",
        "p@rn0gr@phy n@k3d",
        "n@k3d",
        "ｐｏｒｎ",
        "𝓹𝓸𝓻𝓷",
        "𝐩𝐨𝐫𝐧",
        "ⓟⓞⓡⓝ",
        "pörn",
        "p\u0336o\u0336r\u0336n\u0336",
        "po\u200brn",
        "p\u200co\u200dr\u2060n",
        "po\u00adrn",
        "po\ufeffrn",
        "po\u202ern",
        "роrn",
        "pоrn",
        "рοrn",
        "p o r n",
        "p.o.r.n",
        "p-o-r-n",
        "p_o_r_n",
        "p  o  r  n",
        "p/o|r/n",
        "p 0 r n",
        "a p o r n picture",
        "a n u d e woman",
        "n u d e",
        "n a k e d  c h i l d",
        "naked\nwoman",
        "a\tnude",
        "nude,lamp",
        "(nude:1.4)",
        "[nude]",
        "nude-coloured woman",
        "seig sieg   heil",
        "sieg-heil",
        "ku_klux_klan",
        "fake   passport",
        "eine nackte Frau",
        "decapitación",
        "HAKENKREUZ",
        "hakenkreuz".replace("k", "к"),
        "nudity",
        "explicit sex",
        "sexual intercourse",
        "nu-de",
        "nu.de",
        "nu\u2800de",
        "po_rn",
        "naked7",
        "7naked",
        "n4ked99",
        "p0rn1",
        "a pr0n",
        "p r 0 n",
        "fakepassport",
        "self-harm",
        "selfharm",
        "ɴᴜᴅᴇ",
        "ᴘᴏʀɴ",
        "nu\u3164de",
        "nu\u115fde",
        "nu\u1160de",
        "nu\uffa0de",
    ],
)
def test_a_disguised_term_is_blocked(prompt: str) -> None:
    assert judge(prompt).action is Action.BLOCK


@pytest.mark.parametrize(
    "prompt",
    [
        "Essex countryside",
        "a bunch of grapes, a grape",
        "the town hall of Scunthorpe",
        "a cocktail on a bar",
        "Middlesex hospital",
        "an analyst with an analog camera",
        "a cumulus cloud",
        "Dickens reading to an assassin bug",
        "a grape in 4k, 8k, f/1.8, 50mm",
        "a class of 25 assembled in 1945",
        "a button, a titmouse and a cockatoo",
        "the Essex girls' choir",
        "a gorey story by Edward Gorey",
        "a gorge with a denuded hill",
        "the letters a b c d e on a wall",
        "R 2 D 2 and x y z axes",
        "x-ray of a hand",
        "шторм на море, маяк",
        "ένας φάρος το σούρουπο",
        "灯台の夕暮れ",
        "منارة عند الغروب",
        "👩‍👩‍👧‍👦 family at the sea",
        "a suicidal-looking stunt on a bicycle".replace("suicidal-looking", "daring"),
        "children playing in a garden",
        "an analysis of a therapist's office",
        "the pen is mightier than the sword",
        "a photographer shot a concert",
        "a LoL icon",
        "a plot of x1 x2 x3",
        "two children, a port and a horn",
        "a child portrait",
        "R2D2, C3PO and a 1950s diner",
        "한국의 등대",
        "",
        "!!! ??? …",
    ],
)
def test_an_innocent_prompt_passes(prompt: str) -> None:
    decision = judge(prompt)
    assert decision.action is Action.ALLOW
    assert (decision.categories, decision.sentence, decision.softened_prompt) == ((), "", None)


def test_nude_as_the_name_of_a_colour_is_blocked_all_the_same() -> None:
    """Decided: a word list cannot tell "nude-coloured lipstick" from "nude-coloured woman", and an exception for the
    first lets the second through. The person is told the category and can write "beige"."""
    for prompt in ("a nude-coloured lipstick", "nude heels on a shelf"):
        assert judge(prompt).categories == ("sexual",)


def test_a_bloody_mary_is_a_drink() -> None:
    assert judge("a Bloody Mary on a bar").action is Action.ALLOW
    assert judge("a bloody Mary Stuart").softened_prompt is None
    assert judge("a bloody Mary and a bloody shirt").softened_prompt is not None


@pytest.mark.parametrize(
    ("prompt", "softened"),
    [
        ("a bloody sunset", "a dramatic sunset"),
        ("BLOODY, bloody, Bloody", "dramatic, dramatic, dramatic"),
        ("a blood-soaked flag", "a dramatic flag"),
        ("a bloodsoaked flag", "a dramatic flag"),
        ("a blood  soaked, bloodstained flag", "a dramatic, dramatic flag"),
        ("bloodyish", None),
    ],
)
def test_a_softened_prompt_shows_the_change_and_keeps_the_rest(prompt: str, softened: str | None) -> None:
    decision = judge(prompt)
    assert decision.softened_prompt == softened
    assert decision.action is (Action.SOFTEN if softened else Action.ALLOW)


@pytest.mark.parametrize("prompt", ["a bl00dy sunset", "b l o o d y", "blo\u200body", "blооdy", "bloo-dy", "bloody7"])
def test_a_disguise_that_can_be_seen_but_not_replaced_is_blocked(prompt: str) -> None:
    decision = judge(prompt)
    assert (decision.action, decision.softened_prompt) == (Action.BLOCK, None)
    assert decision.sentence


def test_the_strictest_category_decides_and_is_named() -> None:
    decision = judge("a bloody orgy")
    assert (decision.action, decision.categories) == (Action.BLOCK, ("sexual",))
    assert decision.sentence == "Explicit sexual content is not made here."
    assert decision.softened_prompt is None


def test_what_waits_for_a_person_is_stricter_than_softening_and_milder_than_blocking() -> None:
    assert list(Action) == [Action.ALLOW, Action.SOFTEN, Action.HOLD, Action.BLOCK]
    ducks = parse_policy(HOLDING_POLICY).categories
    policy = dataclasses.replace(packaged_policy(), categories=ducks + packaged_policy().categories)
    held = judge("a bloody duck", policy=policy)
    assert (held.action, held.categories, held.softened_prompt) == (Action.HOLD, ("ducks",), None)
    assert held.sentence == "A person looks at every duck."
    assert judge("a duck in porn", policy=policy).action is Action.BLOCK


def test_every_category_of_the_same_action_is_named() -> None:
    assert set(judge("gore and porn").categories) == {"graphic_violence", "sexual"}


def test_a_decision_says_under_which_policy_and_when() -> None:
    decision = judge("a lighthouse")
    assert (decision.stage, decision.policy_version, decision.at_ms) == ("prompt", packaged_policy().version, 5)


@pytest.mark.parametrize("negative", ["nude, gore", "porn", "bloody"])
def test_a_negative_prompt_may_ask_for_the_absence_of_things(negative: str) -> None:
    assert judge("a lighthouse", negative).action is Action.ALLOW


@pytest.mark.parametrize("negative", ["naked child", "n a k e d  c h i l d", "nаked child"])
def test_what_is_forbidden_everywhere_is_forbidden_in_a_negative_prompt_too(negative: str) -> None:
    assert judge("a lighthouse", negative).categories == ("sexual_minors",)


@pytest.mark.parametrize(
    "text",
    ["childporn", "childpornography", "chi ld po rn", "xxchildp0rnxx", "child\nporn", "na-ked chi-ld", "lo-li-con"],
)
def test_what_is_forbidden_everywhere_is_found_across_the_borders_of_words(text: str) -> None:
    assert "sexual_minors" in judge(text).categories
    assert judge("a lighthouse", text).categories == ("sexual_minors",)


def test_a_term_split_over_prompt_and_negative_prompt_is_no_term() -> None:
    assert judge("fake", "passport").action is Action.ALLOW


@pytest.mark.parametrize("category", packaged_policy().categories, ids=lambda category: category.name)
def test_every_packaged_term_is_found_as_it_stands_and_spelt_out(category: Category) -> None:
    for term in (term.strip("*") for term in category.all_terms):
        expected = list(Action)[list(Action).index(category.action) :]  # this strict, or stricter
        for text in (term, term.upper(), f"a {term}, at dusk", " ".join(term.replace(" ", ""))):
            assert judge(text).action in expected, text


@pytest.mark.parametrize("category", packaged_policy().categories, ids=lambda category: category.name)
def test_a_sentence_for_a_person_repeats_no_term(category: Category) -> None:
    words = normalise(category.sentence).split()
    assert not {term for term in category.all_terms if term in words}


@given(st.text(max_size=80))
def test_any_text_is_judged_and_never_twice_differently(text: str) -> None:
    assert judge(text) == judge(text)


@given(st.text(max_size=40))
def test_normalising_is_idempotent_and_leaves_plain_words(text: str) -> None:
    once = normalise(text)
    assert "  " not in once
    assert not any(unicodedata.category(c) in ("Cf", "Mn") for c in once)


@given(st.sampled_from(["porn", "nude", "hentai"]), st.data())
def test_invisible_characters_hide_nothing(term: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(term)))
    hidden = data.draw(st.sampled_from("\u200b\u200c\u200d\u2060\ufeff\u00ad\u202e\u2066\u0301\ufe0f"))
    assert judge(term[:at] + hidden + term[at:]).action is Action.BLOCK


# ── The policy file ────────────────────────────────────────────────────────────────────────────────────────────────

SOUND = {
    "version": "mine-1",
    "categories": [{"name": "ducks", "action": "block", "sentence": "No ducks.", "terms": ["duck", "mallard drake"]}],
}


def test_an_operators_own_policy_replaces_the_packaged_one() -> None:
    policy = parse_policy(json.dumps(SOUND))
    assert judge("a Mallard-Drake", policy=policy).categories == ("ducks",)
    assert judge("porn", policy=policy).action is Action.ALLOW
    assert judge("a duck", policy=policy).policy_version == "mine-1"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "not JSON"),
        ("[]", "$ must be an object"),
        ("{}", "$.version is missing"),
        (json.dumps(SOUND | {"extra": 1}), "extra"),
        (json.dumps(SOUND | {"categories": [{"name": "x"}]}), "$.categories[0].action is missing"),
        (json.dumps(SOUND).replace('"block"', '"allowed"'), "$.categories[0].action"),
        (json.dumps(SOUND).replace('"block"', '"soften"'), "$.categories[0]: category ducks: a replacement"),
        (json.dumps(SOUND).replace('"duck"', '"!!"'), "category ducks needs terms"),
        (json.dumps(SOUND).replace('["duck", "mallard drake"]', "[]"), "category ducks needs terms"),
        (json.dumps(SOUND).replace('["duck", "mallard drake"]', '"duck"'), "$.categories[0].terms must be a list"),
    ],
)
def test_a_broken_policy_is_refused_by_the_path_of_its_mistake(text: str, named: str) -> None:
    with pytest.raises(PolicyInvalidError) as caught:
        parse_policy(text)
    assert named in caught.value.sentence


def test_a_replacement_is_text_and_no_template() -> None:
    replacement = r"\1 \g<0> goose"
    category = {"name": "d", "action": "soften", "sentence": "No.", "terms": ["duck"], "replacement": replacement}
    policy = parse_policy(json.dumps({"version": "mine-1", "categories": [category]}))
    assert judge("a duck", policy=policy).softened_prompt == f"a {replacement}"


def test_a_policy_without_categories_allows() -> None:
    assert judge("porn", policy=parse_policy('{"version": "0", "categories": []}')).action is Action.ALLOW


# ── Layers of one file: languages, innocents, negative prompts, differences ───────────────────────────────────────


def policy_of(**category: object) -> Policy:
    return parse_policy(
        json.dumps({"version": "1", "categories": [{"name": "c", "sentence": "No.", "action": "block"} | category]})
    )


def test_terms_of_every_language_are_looked_for() -> None:
    policy = policy_of(languages={"de": ["Ente"], "ru": ["утка"], "ja": ["カモ"]})
    for prompt in ("eine Ente", "утка на озере", "УТКА", "у т к а", "池のカモ"):
        assert judge(prompt, policy=policy).action is Action.BLOCK, prompt
    for prompt in ("das Entern", "уткань", "カモメ", "a mountain"):
        assert judge(prompt, policy=policy).action is Action.ALLOW, prompt


def test_an_asterisk_stands_for_any_letters() -> None:
    policy = policy_of(terms=["duck*", "*ente", "*goos*"])
    for prompt in ("ducklings", "Stockente", "mongoose", "d u c k"):
        assert judge(prompt, policy=policy).action is Action.BLOCK, prompt
    assert judge("a geoduck", policy=policy).action is Action.ALLOW


def test_innocent_phrases_are_overlooked_and_what_stands_beside_them_is_not() -> None:
    policy = policy_of(terms=["duck"], innocent=["duck tape", "rubber duck debugging"])
    for prompt in ("a roll of Duck Tape", "duck-tape", "rubber-duck debugging"):
        assert judge(prompt, policy=policy).action is Action.ALLOW, prompt
    for prompt in ("a duck and duck tape", "duck  and tape", "duck taped"):
        assert judge(prompt, policy=policy).action is Action.BLOCK, prompt


def test_what_a_negative_prompt_may_not_ask_away() -> None:
    policy = policy_of(terms=["duck"], negative_terms=["feathers"])
    assert judge("a bird", "feathers", policy).action is Action.BLOCK
    assert judge("feathers", "duck", policy).action is Action.ALLOW


def test_a_replacement_speaks_the_language_of_its_term_and_is_told() -> None:
    policy = policy_of(
        action="soften",
        terms=["duck"],
        languages={"es": ["patito*"], "ru": ["утка"]},
        replacement="bird",
        replacements={"es": "pájaro", "ru": "птица"},
    )
    decision = judge("DUCK, patitos y утка", policy=policy)
    assert decision.softened_prompt == "bird, pájaro y птица"
    assert [(change.found, change.put) for change in decision.replaced] == [
        ("DUCK", "bird"),
        ("patitos", "pájaro"),
        ("утка", "птица"),
    ]


@pytest.mark.parametrize("prompt", ["nuuude", "nuuuuuuude woman", "pooorn", "pornnn", "ＮＵＵＵＤＥ"])
def test_a_word_that_is_drawn_out_is_read(prompt: str) -> None:
    assert judge(prompt).action is Action.BLOCK


@pytest.mark.parametrize("prompt", ["🅽🆄🅳🅴", "🇵🇴🇷🇳", "ⓝⓤⓓⓔ", "🄽🅄🄳🄴", "ոude", "ƅlowjob"])
def test_letters_of_other_scripts_and_signs_are_read(prompt: str) -> None:
    assert judge(prompt).action is Action.BLOCK


def test_an_operator_may_name_only_the_differences() -> None:
    ducks = {"name": "ducks", "action": "block", "sentence": "No ducks.", "terms": ["duck"]}
    policy = parse_policy(
        json.dumps({"version": "mine-2", "extends": "packaged", "categories": [ducks], "without": ["mild_violence"]})
    )
    assert policy.version == f"mine-2+{packaged_policy().version}"
    assert judge("a duck", policy=policy).categories == ("ducks",)
    assert judge("porn", policy=policy).action is Action.BLOCK
    assert judge("a bloody sunset", policy=policy).action is Action.ALLOW


def test_a_difference_replaces_the_category_of_its_name() -> None:
    sexual = {"name": "sexual", "action": "hold", "sentence": "Looked at.", "terms": ["nude"]}
    policy = parse_policy(json.dumps({"version": "m", "extends": "packaged", "categories": [sexual]}))
    assert judge("nude", policy=policy).action is Action.HOLD
    assert judge("porn", policy=policy).action is Action.ALLOW
    assert len(policy.categories) == len(packaged_policy().categories)


@pytest.mark.parametrize(
    ("change", "named"),
    [({"extends": "mine"}, "extends can only be packaged"), ({"without": ["ducks"]}, "ducks"), ({"more": 1}, "more")],
)
def test_a_difference_that_is_none_is_refused(change: dict[str, object], named: str) -> None:
    with pytest.raises(PolicyInvalidError) as caught:
        parse_policy(json.dumps({"version": "m", "extends": "packaged"} | change))
    assert named in caught.value.sentence
