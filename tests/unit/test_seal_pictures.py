"""The state SealPictures: what a picture says of itself, who may read it, and that its pixels are the container's."""

from __future__ import annotations

import datetime
import io
import json
import logging
import zlib
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import c2pa
import pytest
from afterimage.contracts.codec import from_document
from afterimage.contracts.sealing import SealedPictures
from afterimage_imaging import png, seal_pictures, xmp
from afterimage_imaging.seal_pictures import InvalidResultError
from afterimage_imaging.signing import (
    KEY_LASTS_S,
    C2paSigner,
    SealingFailedError,
    SigningKeyInvalidError,
    SigningKeys,
    SigningKeyUnavailableError,
)
from afterimage_imaging.storage import InternalError
from fakes.outside import NOW_MS
from fakes.png import png_of
from fakes.stubbed import UNREACHED, stubbed, unreached
from PIL import Image

from local.signing_key import new_signing_key

NOW_S = NOW_MS // 1000
NOW = datetime.datetime.fromtimestamp(NOW_S, datetime.UTC)
# The library has no clock but the machine's, so what it verifies is of today.
SECRET, ROOT = new_signing_key(datetime.datetime.now(datetime.UTC))
IDS = {"job_id": "01m8160qt0bmfgmz4kwaw481na", "attempt_id": "9f2c41d07be3a865"}
FOLDER = f"quarantine/{IDS['job_id']}/{IDS['attempt_id']}/"
PROMPT, NEGATIVE = "CANARY lighthouse – at dusk ☾ <b>&amp;\x00\x0b", "CANARY fog"
CONTAINER = {
    "Software": "Afterimage",
    "job_id": IDS["job_id"],
    "prompt": "CANARY lighthouse – at dusk ☾ <b>&amp;",
    "negative_prompt": NEGATIVE,
    "adapter": "uploads/CANARY/lora.safetensors",
    "seed": "7",
    "steps": "8",
    "model": "demo 1",
}
JOB = {
    "job_id": IDS["job_id"],
    "prompt": PROMPT,
    "negative_prompt": NEGATIVE,
    "seeds": [7, 8],
    "steps": 8,
    "guidance": 3.0,
    "scheduler": None,
}
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
ARN = "arn:aws:secretsmanager:us-east-1:000000000000:secret:signing"


class World:
    """The bucket with two pictures of an attempt, and a key."""

    def __init__(self, secret: str | None = SECRET, texts: dict[str, str] | None = None) -> None:
        self.objects: dict[str, bytes] = {
            f"jobs/{IDS['job_id']}/{IDS['attempt_id']}.json": json.dumps(JOB).encode(),
            **{f"{FOLDER}{n}.png": png_of(n, CONTAINER if texts is None else texts) for n in (0, 1)},
        }
        secrets = SimpleNamespace(get_secret_value=lambda SecretId: {"SecretString": secret})
        keys = SigningKeys(client=secrets, arn=ARN if secret else "", clock_s=datetime.datetime.now().timestamp)
        self.deps = SimpleNamespace(files=self, keys=keys)

    def read(self, key: str) -> bytes | None:
        return self.objects.get(key)

    def write(self, key: str, body: bytes, content_type: str) -> None:
        assert content_type == ("application/json" if key.endswith(".json") else "image/png")
        self.objects[key] = body

    def seal(self) -> SealedPictures:
        assert seal_pictures.handle(IDS, self.deps) == IDS  # type: ignore[arg-type]
        return from_document(SealedPictures, json.loads(self.objects[f"{FOLDER}sealed/sealed.json"]))

    def copies(self, number: int = 0) -> tuple[bytes, bytes]:
        picture = self.seal().pictures[number]
        return self.objects[picture.own.key], self.objects[picture.share.key]


def opened(body: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(body))
    image.load()
    return image


def verified(body: bytes, root: str = ROOT) -> tuple[str, dict[str, Any]]:
    """What C2PA's own reader says: the state, and the manifest."""
    settings = {"trust": {"trust_anchors": root}, "verify": {"verify_trust": True}}
    with c2pa.Reader("image/png", io.BytesIO(body), context=c2pa.Context.from_dict(settings)) as reader:
        return str(reader.get_validation_state()), json.loads(reader.json())


def properties(body: bytes) -> dict[str, str]:
    """The XMP packet as a program reads it."""
    root = ElementTree.fromstring(opened(body).info["XML:com.adobe.xmp"])  # noqa: S314 - our own packet
    (description,) = root.iter(f"{RDF}Description")
    return {entry.tag.partition("}")[2]: entry.text or "" for entry in description}


def data_chunks(body: bytes) -> bytes:
    return b"".join(data for kind, data in png.chunks(body) if kind == b"IDAT")


def test_pixels_are_the_containers_bit_for_bit_in_both_copies() -> None:
    world = World()
    for number in (0, 1):
        source = world.objects[f"{FOLDER}{number}.png"]
        for copy in world.copies(number):
            assert opened(copy).tobytes() == opened(source).tobytes()
            assert data_chunks(copy) == data_chunks(source), "not even compressed anew"


def test_the_owners_copy_keeps_what_the_container_wrote() -> None:
    own, _ = World().copies()
    assert {name: opened(own).info[name] for name in CONTAINER} == CONTAINER


def test_the_share_copy_has_no_prompt_and_nothing_that_names_the_request_anywhere_in_its_bytes() -> None:
    _, share = World().copies()
    assert b"CANARY" not in share
    assert "CANARY".encode("utf-16-le") not in share
    assert IDS["job_id"].encode() not in share
    info = opened(share).info
    assert {name: info[name] for name in ("Software", "seed", "steps", "model")} == {
        "Software": "Afterimage",
        "seed": "7",
        "steps": "8",
        "model": "demo 1",
    }
    assert set(info) <= {*seal_pictures.SHARED, "XML:com.adobe.xmp", "xmp"}


@pytest.mark.parametrize("chunk", [b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"prVt"])
def test_what_nobody_thought_of_is_in_no_share_copy(chunk: bytes) -> None:
    world = World()
    data = {b"zTXt": b"n\0\0" + b"x\x9c\x03\0\0\0\0\x01", b"iTXt": b"n\0\0\0\0\0CANARY"}.get(chunk, b"name\0CANARY")
    source = world.objects[f"{FOLDER}0.png"]
    at = len(source) - 12
    world.objects[f"{FOLDER}0.png"] = source[:at] + png.chunk(chunk, data) + source[at:] + b"CANARY"
    own, share = world.copies()
    assert b"CANARY" not in share
    assert b"CANARY" not in own[-12:], "nothing behind the end either"


@pytest.mark.parametrize("texts", [{}, {"Software": "somebody else"}])
def test_what_an_engine_left_out_is_written_from_the_jobs_document(texts: dict[str, str]) -> None:
    own, share = World(texts=texts).copies(1)
    wanted = {"prompt": "CANARY lighthouse – at dusk ☾ <b>&amp;\x00\x0b", "negative_prompt": NEGATIVE}
    wanted |= {"seed": "8", "steps": "8", "guidance": "3.0", "Software": texts.get("Software", "Afterimage")}
    found = png.read_text(own)
    assert {name: found[name] for name in wanted} == wanted
    assert png.read_text(share) == {name: text for name, text in wanted.items() if "prompt" not in name}


def test_the_xmp_packet_says_by_iptcs_word_that_a_model_made_it() -> None:
    for copy in World().copies():
        found = properties(copy)
        assert found["DigitalSourceType"] == xmp.SOURCE_TYPE
        assert found["AISystemUsed"] == "demo 1"


def test_the_prompt_is_in_the_owners_xmp_as_text_and_not_in_the_shared() -> None:
    own, share = (properties(copy) for copy in World(texts={}).copies())
    assert own["AIPromptInformation"] == "Prompt: CANARY lighthouse – at dusk ☾ <b>&amp;\nNegative prompt: CANARY fog"
    assert "AIPromptInformation" not in share


def test_both_copies_carry_a_manifest_that_c2pa_finds_valid_and_trusts_by_our_root() -> None:
    for copy in World().copies():
        state, manifest = verified(copy)
        assert state == "Trusted"
        assert verified(copy, new_signing_key(NOW)[1])[0] == "Valid", "by a stranger's root it is only whole"
        active = manifest["manifests"][manifest["active_manifest"]]
        (actions,) = [one for one in active["assertions"] if one["label"].startswith("c2pa.actions")]
        (created,) = actions["data"]["actions"]
        assert (created["action"], created["digitalSourceType"]) == ("c2pa.created", xmp.SOURCE_TYPE)
        assert created["softwareAgent"]["name"] == active["claim_generator_info"][0]["name"] == "Afterimage"


def test_the_manifest_has_neither_prompt_nor_request_nor_thumbnail_in_either_copy() -> None:
    for copy in World().copies():
        (manifest,) = [data for kind, data in png.chunks(copy) if kind == b"caBX"]
        assert b"CANARY" not in manifest
        assert IDS["job_id"].encode() not in manifest
        assert len(manifest) < 5000


@pytest.mark.parametrize("kind", [b"IDAT", b"tEXt", b"iTXt"])
def test_one_changed_byte_of_pixels_or_text_is_found(kind: bytes) -> None:
    for copy in World().copies():
        pieces = []
        for name, data in png.chunks(copy):
            changed = data[:-1] + bytes([data[-1] ^ 1]) if name == kind else data
            pieces.append(png.chunk(name, changed))
        state, manifest = verified(png.SIGNATURE + b"".join(pieces))
        assert state == "Invalid"
        assert "assertion.dataHash.mismatch" in [one["code"] for one in manifest["validation_status"]]


def test_without_a_key_texts_and_xmp_are_written_and_the_document_says_that_nobody_signed() -> None:
    world = World(secret=None)
    assert world.seal().certificate_sha256 is None
    own, share = world.copies()
    assert opened(own).info["prompt"] == CONTAINER["prompt"]
    assert xmp.SOURCE_TYPE in opened(share).info["XML:com.adobe.xmp"]
    for copy in (own, share):
        assert not [kind for kind, _ in png.chunks(copy) if kind == b"caBX"]


def test_a_repeat_writes_beside_what_the_first_run_wrote() -> None:
    world = World()
    first = world.seal()
    before = {copy.key: world.objects[copy.key] for one in first.pictures for copy in (one.own, one.share)}
    second = world.seal()
    assert {key: world.objects[key] for key in before} == before
    assert [one.source_sha256 for one in second.pictures] == [one.source_sha256 for one in first.pictures]
    assert [one.own.key for one in second.pictures] != [one.own.key for one in first.pictures]


def test_without_the_jobs_document_nothing_is_sealed() -> None:
    world = World()
    del world.objects[f"jobs/{IDS['job_id']}/{IDS['attempt_id']}.json"]
    with pytest.raises(InvalidResultError):
        world.seal()
    assert f"{FOLDER}sealed/sealed.json" not in world.objects


@pytest.mark.parametrize("there", [0, 1])
def test_what_was_not_made_is_not_in_the_document_and_review_finds_that_out(there: int) -> None:
    """From a flagged input picture nothing is made, and its result says so; otherwise it is no result."""
    world = World()
    for number in range(there, 2):
        del world.objects[f"{FOLDER}{number}.png"]
    assert len(world.seal().pictures) == there


WHOLE = png_of()


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff\xd8\xff jpeg", WHOLE[:-1], WHOLE[:40], WHOLE[:60] + b"\0" + WHOLE[61:], png.SIGNATURE],
    ids=["nothing", "jpeg", "cut", "cut early", "changed", "only a signature"],
)
def test_what_is_no_whole_png_is_refused(body: bytes) -> None:
    world = World()
    world.objects[f"{FOLDER}0.png"] = body
    with pytest.raises(InvalidResultError):
        world.seal()


def test_a_text_that_unpacks_without_end_is_cut() -> None:
    at = len(WHOLE) - 12
    bomb = png.chunk(b"zTXt", b"n\0\0" + zlib.compress(bytes(10_000_000)))
    assert len(png.read_text(WHOLE[:at] + bomb + WHOLE[at:])["n"]) == 100_000


# ── The key ───────────────────────────────────────────────────────────────────────────────────────────────────────


def broken(**changes: Any) -> str:
    return json.dumps(json.loads(SECRET) | changes)


@pytest.mark.parametrize(
    "secret",
    [
        "CANARY",
        "[]",
        json.dumps({"private_key": "CANARY"}),
        broken(private_key="CANARY"),
        broken(certificate_chain="CANARY"),
        broken(certificate_chain="-----BEGIN CERTIFICATE-----\nQ0FOQVJZ\n-----END CERTIFICATE-----\n"),
        broken(algorithm="CANARY"),
        broken(certificate_chain=5),
    ],
)
def test_a_secret_of_another_shape_is_invalid_and_not_quoted(secret: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(SigningKeyInvalidError) as caught:
        C2paSigner(secret, NOW_S)
    assert caught.value.__suppress_context__
    assert "CANARY" not in str(caught.value) + caplog.text


@pytest.mark.parametrize("days", [-1, 100])
def test_a_certificate_that_has_ended_or_not_begun_signs_nothing(days: int) -> None:
    begun = datetime.datetime.now(datetime.UTC)
    with pytest.raises(SigningKeyInvalidError):
        C2paSigner(SECRET, int((begun + datetime.timedelta(days=days)).timestamp()))


def test_a_key_of_another_certificate_does_not_sign() -> None:
    other = json.loads(new_signing_key(datetime.datetime.now(datetime.UTC))[0])["private_key"]
    world = World(broken(private_key=other))
    with pytest.raises(SealingFailedError):
        world.seal()


class Rotating:
    """Secrets Manager, and a clock."""

    def __init__(self) -> None:
        self.asked, self.now_s = 0, float(NOW_S)
        self.ends_at_s = NOW_S + 10_000

    def get_secret_value(self, SecretId: str) -> dict[str, str]:
        assert SecretId == ARN
        self.asked += 1
        return {"SecretString": f"secret {self.asked}"}

    def keys(self) -> SigningKeys:
        def make(secret: str, now_s: int) -> Any:
            return SimpleNamespace(secret=secret, certificate=SimpleNamespace(ends_at_s=self.ends_at_s))

        return SigningKeys(client=self, arn=ARN, clock_s=lambda: self.now_s, make=make)


def test_a_new_key_is_noticed_within_five_minutes_and_the_secret_is_not_asked_for_each_time() -> None:
    rotating = Rotating()
    keys = rotating.keys()
    assert [keys.current().secret for _ in range(3)] == ["secret 1"] * 3  # type: ignore[union-attr]
    rotating.now_s += KEY_LASTS_S
    assert keys.current().secret == "secret 2"  # type: ignore[union-attr]
    assert (rotating.asked, KEY_LASTS_S) == (2, 300)


def test_a_certificate_that_ends_meanwhile_is_not_used_until_the_cache_ends() -> None:
    rotating = Rotating()
    rotating.ends_at_s = NOW_S + 60
    keys = rotating.keys()
    keys.current()
    rotating.now_s += 60
    assert keys.current().secret == "secret 2"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ThrottlingException", SigningKeyUnavailableError),
        ("InternalServiceError", SigningKeyUnavailableError),
        ("AccessDeniedException", SigningKeyInvalidError),
        ("ResourceNotFoundException", SigningKeyInvalidError),
        ("DecryptionFailure", SigningKeyInvalidError),
    ],
)
def test_a_secret_that_does_not_come_is_tried_again_or_final(code: str, kind: type[Exception]) -> None:
    client, answers = stubbed("secretsmanager")
    answers.add_client_error("get_secret_value", code)
    with pytest.raises(kind):
        SigningKeys(client=client, arn=ARN, clock_s=lambda: NOW_S).current()


def test_a_secrets_manager_that_is_not_reached_is_tried_again() -> None:
    keys = SigningKeys(client=unreached("secretsmanager", UNREACHED[0]), arn=ARN, clock_s=lambda: NOW_S)
    with pytest.raises(SigningKeyUnavailableError):
        keys.current()


def test_a_secret_of_bytes_is_invalid() -> None:
    client = SimpleNamespace(get_secret_value=lambda SecretId: {"SecretBinary": b"CANARY"})
    with pytest.raises(SigningKeyInvalidError):
        SigningKeys(client=client, arn=ARN, clock_s=lambda: NOW_S).current()


# ── What is told ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_log_has_ids_and_numbers_and_the_days_that_the_certificate_has_left(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        World().seal()
    (line,) = [json.loads(message) for message in caplog.messages]
    assert line == {"message": "pictures sealed", "correlation_id": IDS["job_id"], "pictures": 2, "signed": True}
    metric = json.loads(capsys.readouterr().out)
    (definition,) = metric["_aws"]["CloudWatchMetrics"]
    assert (definition["Namespace"], definition["Dimensions"]) == ("Afterimage", [["service"]])
    assert metric["SigningCertificateDays"] == 89
    assert metric["service"] == "afterimage"


def test_without_a_key_no_days_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    World(secret=None).seal()
    assert capsys.readouterr().out == ""


def test_an_error_leaves_without_words_and_by_its_name(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(broken(private_key="CANARY"))
    monkeypatch.setattr(seal_pictures, "dependencies", lambda: world.deps)
    with pytest.raises(SigningKeyInvalidError) as caught:
        seal_pictures.lambda_handler(IDS, None)
    assert str(caught.value) == ""
    del world.deps.keys
    with pytest.raises(InternalError):
        seal_pictures.lambda_handler(IDS, None)
    assert json.loads(caplog.messages[-1]) == {
        "message": "unforeseen error",
        "correlation_id": IDS["job_id"],
        "error": "AttributeError",
    }
