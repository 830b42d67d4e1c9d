"""A picture that was made and mailed on the local cloud says what it is; a shared one does not say what was asked."""

from __future__ import annotations

import hashlib
import io
import json
import secrets
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import c2pa
from integration.journey import ask, job_item, links_in, mails_to, person, wait_for_end
from PIL import Image

from local.settings import ROOT

if TYPE_CHECKING:
    from integration.conftest import LocalCloud

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def followed(cloud: LocalCloud, link: str) -> bytes:
    """What a person has who follows a link."""
    answer = cloud.http("GET", cloud.http("GET", link).headers["Location"])
    assert answer.status_code == 200
    return answer.content


def verified(cloud: LocalCloud, body: bytes) -> tuple[str, dict[str, Any]]:
    """What C2PA's reader says, with this cloud's root as the one to trust."""
    root = Path(cloud.stack["signing_root"]).read_text()
    settings = {"trust": {"trust_anchors": root}, "verify": {"verify_trust": True}}
    with c2pa.Reader("image/png", io.BytesIO(body), context=c2pa.Context.from_dict(settings)) as reader:
        return str(reader.get_validation_state()), json.loads(reader.json())


def test_the_mailed_picture_is_signed_and_says_how_it_was_made(cloud: LocalCloud) -> None:
    address, canary = person(), "zyzzyva" + secrets.token_hex(4)
    job_id = ask(cloud, address, {"prompt": f"a {canary} in the snow", "seed": 7})
    view = wait_for_end(cloud, address, job_id)
    (link,) = links_in(mails_to(cloud, address)[0])
    mailed = followed(cloud, link)
    assert hashlib.sha256(mailed).hexdigest() == view["images"][0]["sha256"]
    assert view["images"][0]["provenance"] == "c2pa"
    state, manifest = verified(cloud, mailed)
    assert state == "Trusted"
    (actions,) = manifest["manifests"][manifest["active_manifest"]]["assertions"]
    assert actions["data"]["actions"][0]["digitalSourceType"] == SOURCE_TYPE
    info = Image.open(io.BytesIO(mailed)).info
    assert (info["prompt"], info["seed"]) == (f"a {canary} in the snow", "7")
    assert SOURCE_TYPE in info["XML:com.adobe.xmp"]


def test_the_shared_picture_has_the_same_pixels_its_own_signature_and_no_prompt_in_any_byte(cloud: LocalCloud) -> None:
    address, canary = person(), "zyzzyva" + secrets.token_hex(4)
    body = {"prompt": f"a {canary} in the snow", "negative_prompt": f"no {canary}"}
    job_id = ask(cloud, address, body)
    view = wait_for_end(cloud, address, job_id)
    own = cloud.http("GET", view["images"][0]["url"]).content
    answer = cloud.http("POST", f"/v1/images/{job_id}/share", token=cloud.token(address), body={})
    (item,) = answer.json()["items"]
    shared = followed(cloud, item["url"])
    assert canary.encode() in own
    assert canary.encode() not in shared
    assert job_id.encode() not in shared
    thumbnail = cloud.http("GET", view["images"][0]["thumbnail_url"]).content
    assert not [word for word in (canary, job_id) if word.encode() in thumbnail]
    assert Image.open(io.BytesIO(shared)).tobytes() == Image.open(io.BytesIO(own)).tobytes()
    assert verified(cloud, shared)[0] == "Trusted"
    assert SOURCE_TYPE in Image.open(io.BytesIO(shared)).info["XML:com.adobe.xmp"]
    # Neither key gives the other: both are named by what their file holds.
    (recorded,) = job_item(cloud, job_id)["pictures"]["L"]
    keys = recorded["M"]["key"]["S"], recorded["M"]["share"]["M"]["key"]["S"]
    for key, copy in zip(keys, (own, shared), strict=True):
        assert key.endswith(f"/0-{hashlib.sha256(copy).hexdigest()[:32]}.png")


def test_one_changed_byte_of_the_pixels_is_found(cloud: LocalCloud) -> None:
    address = person()
    view = wait_for_end(cloud, address, ask(cloud, address))
    body = cloud.http("GET", view["images"][0]["url"]).content
    at = body.rindex(b"IDAT") + 20
    state, manifest = verified(cloud, body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :])
    assert state == "Invalid"
    assert "assertion.dataHash.mismatch" in [one["code"] for one in manifest["validation_status"]]


def test_the_command_that_verifies_believes_the_mailed_picture_and_not_a_changed_one(
    cloud: LocalCloud, tmp_path: Path
) -> None:
    address = person()
    wait_for_end(cloud, address, ask(cloud, address))
    whole = followed(cloud, links_in(mails_to(cloud, address)[0])[0])
    at = whole.rindex(b"IDAT") + 20
    files = {"whole.png": whole, "changed.png": whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]}
    codes = {}
    for name, body in files.items():
        (tmp_path / name).write_bytes(body)
        argv = [sys.executable, "-m", "cli", "verify", str(tmp_path / name)]
        codes[name] = subprocess.run(argv, cwd=ROOT, env=cloud.environment, check=False, capture_output=True).returncode
    assert codes == {"whole.png": 0, "changed.png": 1}


def test_what_review_publishes_comes_from_the_sealed_copies_of_its_attempt(cloud: LocalCloud) -> None:
    address = person()
    view = wait_for_end(cloud, address, ask(cloud, address, {"prompt": "a blue star", "count": 2}))
    s3, bucket = cloud.client("s3"), cloud.outputs["BucketName"]
    found = s3.list_objects_v2(Bucket=bucket, Prefix=f"quarantine/{view['id']}/")["Contents"]
    (sealed,) = [entry["Key"] for entry in found if entry["Key"].endswith("/sealed/sealed.json")]
    document = json.loads(s3.get_object(Bucket=bucket, Key=sealed)["Body"].read())
    assert [picture["own"]["sha256"] for picture in document["pictures"]] == [one["sha256"] for one in view["images"]]
    assert len(document["certificate_sha256"]) == 64
