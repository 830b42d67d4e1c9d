"""Pictures that begin from a picture: sent by a form, copied for the job, judged, followed, erased; and adapters."""

from __future__ import annotations

import io
import json
import random
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from integration.journey import ask, execution_arn, mails_to, person, text_of, wait_for_end
from integration.test_iam_enforced import without
from PIL import Image, ImageChops, ImageStat

if TYPE_CHECKING:
    from integration.conftest import LocalCloud

PROMPT = "a red circle on a blue background"


def landscape() -> Image.Image:
    """Green below, white above: nothing that the prompt speaks of."""
    picture = Image.new("RGB", (128, 128), (250, 250, 245))
    picture.paste((20, 140, 60), (0, 64, 128, 128))
    return picture


def file_of(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def form(cloud: LocalCloud, address: str, kind: str = "image/png") -> dict[str, Any]:
    answer = cloud.http("POST", "/v1/uploads", token=cloud.token(address), body={"content_type": kind})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def fill(found: dict[str, Any], content: bytes, **fields: str) -> httpx.Response:
    data = found["fields"] | fields
    with httpx.Client(trust_env=False, timeout=30) as client:
        return client.post(found["url"], data=data, files={"file": ("f", content, data["Content-Type"])})


def send(cloud: LocalCloud, address: str, content: bytes, kind: str = "image/png") -> str:
    found = form(cloud, address, kind)
    assert fill(found, content).status_code == 204
    return str(found["id"])


def refused(cloud: LocalCloud, address: str, body: dict[str, Any]) -> tuple[int, str]:
    answer = cloud.http("POST", "/v1/images", token=cloud.token(address), body={"prompt": PROMPT} | body)
    return answer.status_code, answer.json()["code"]


def made(cloud: LocalCloud, address: str, body: dict[str, Any]) -> tuple[dict[str, Any], Image.Image]:
    view = wait_for_end(cloud, address, ask(cloud, address, {"prompt": PROMPT, "seed": 7} | body))
    assert view["status"] == "SUCCEEDED", view["failure"]
    content = cloud.http("GET", view["images"][0]["url"]).content
    return view, Image.open(io.BytesIO(content)).convert("RGB")


def distance(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of the colours, 0 to 255."""
    return sum(ImageStat.Stat(ImageChops.difference(one, other.resize(one.size))).mean) / 3


def keys(cloud: LocalCloud, prefix: str) -> list[str]:
    found = cloud.client("s3").list_objects_v2(Bucket=cloud.outputs["BucketName"], Prefix=prefix)
    return [entry["Key"] for entry in found.get("Contents", [])]


def test_a_picture_follows_the_one_it_begins_from_the_more_the_smaller_the_strength(cloud: LocalCloud) -> None:
    address = person()
    upload = send(cloud, address, file_of(landscape()))
    view, little = made(cloud, address, {"input": {"upload": upload}, "strength": 0.3})
    _, much = made(cloud, address, {"input": {"upload": upload}, "strength": 0.9})
    _, plain = made(cloud, address, {})
    assert distance(little, landscape()) < distance(much, landscape()) < distance(plain, landscape())
    assert distance(little, landscape()) < distance(plain, landscape()) / 2
    assert view["input"] == {"upload": upload, "content_type": "image/png", "size_bytes": len(file_of(landscape()))}
    assert [verdict["stage"] for verdict in view["verdicts"]] == ["prompt", "input", "picture"]


def test_a_photo_of_other_proportions_is_taken_and_the_cut_is_told(cloud: LocalCloud) -> None:
    address = person()
    upload = send(cloud, address, file_of(landscape().resize((400, 150)), "JPEG"), "image/jpeg")
    view, _ = made(cloud, address, {"input": {"upload": upload}})
    assert (view["strength"], [warning["code"] for warning in view["warnings"]]) == (0.6, ["input_cut"])


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "animated": (
        lambda: file_of(landscape(), save_all=True, append_images=[Image.new("RGB", (128, 128))]),
        "must not be animated",
    ),
    "bomb": (lambda: _bomb(), "at most 32000000 pixels"),
    "truncated": (lambda: file_of(landscape())[:-30], "cannot be read"),
}


def _bomb() -> bytes:
    whole = file_of(landscape())
    return whole[:16] + struct.pack(">II", 60_000, 60_000) + whole[24:]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_ends_the_request_with_the_containers_own_sentence(cloud: LocalCloud, name: str) -> None:
    content, words = HOSTILE[name]
    address = person()
    job_id = ask(cloud, address, {"prompt": PROMPT, "input": {"upload": send(cloud, address, content())}})
    view = wait_for_end(cloud, address, job_id)
    assert (view["status"], view["failure"]["code"]) == ("FAILED", "input_refused")
    (mail,) = mails_to(cloud, address)
    if name == "bomb":  # its header's checksum no longer fits, which may be told first
        assert "input picture" in view["failure"]["sentence"]
    else:
        assert words in view["failure"]["sentence"]
        assert words in " ".join(text_of(mail).split())


def test_what_is_not_ones_own_picture_is_refused_at_the_door(cloud: LocalCloud) -> None:
    ada, bob = person(), person()
    upload = send(cloud, ada, file_of(landscape()))
    assert refused(cloud, bob, {"input": {"upload": upload}}) == (404, "upload_not_found")
    assert refused(cloud, ada, {"input": {"upload": form(cloud, ada)["id"]}}) == (404, "upload_not_found")
    document = send(cloud, ada, b"%PDF-1.7 and more")
    assert refused(cloud, ada, {"input": {"upload": document}}) == (422, "input_not_a_picture")
    assert refused(cloud, ada, {"strength": 0.5}) == (422, "strength_without_input")


def test_the_form_takes_nothing_but_what_it_was_made_for(cloud: LocalCloud) -> None:
    address = person()
    found, picture = form(cloud, address), file_of(landscape())
    place = found["fields"]["key"]
    assert fill(found, picture, key=place.replace("uploads/", "images/")).status_code == 403
    assert fill(found, picture, **{"Content-Type": "text/html"}).status_code == 403
    assert fill(found, picture + b"\0" * found["max_bytes"]).status_code == 400
    assert keys(cloud, place) == []


def test_an_upload_that_is_replaced_before_work_begins_ends_the_request(cloud: LocalCloud) -> None:
    address = person()
    found = form(cloud, address)
    assert fill(found, file_of(landscape())).status_code == 204
    with without(cloud, "RequestsApiFunction", "StartWorkflow"):
        job_id = ask(cloud, address, {"prompt": PROMPT, "input": {"upload": found["id"]}})
    assert fill(found, file_of(Image.new("RGB", (64, 64)))).status_code == 204
    machine = cloud.outputs["StateMachineArn"]
    cloud.client("stepfunctions").start_execution(
        stateMachineArn=machine, name=job_id, input=json.dumps({"job_id": job_id})
    )
    view = wait_for_end(cloud, address, job_id)
    assert (view["status"], view["failure"]["code"]) == ("FAILED", "input_gone")
    assert execution_arn(cloud, job_id)
    assert keys(cloud, f"jobs/{job_id}/input") == []


def test_erasing_a_request_takes_its_copy_and_the_upload(cloud: LocalCloud) -> None:
    address = person()
    found = form(cloud, address)
    assert fill(found, file_of(landscape())).status_code == 204
    view, _ = made(cloud, address, {"input": {"upload": found["id"]}})
    places = (found["fields"]["key"], f"jobs/{view['id']}/input")
    assert [keys(cloud, place) for place in places] == [[place] for place in places]
    answer = cloud.http("DELETE", f"/v1/images/{view['id']}", token=cloud.token(address))
    assert answer.status_code == 204
    assert [keys(cloud, place) for place in places] == [[], []]


def test_an_adapter_changes_the_picture_and_one_that_is_not_there_is_told(cloud: LocalCloud) -> None:
    address = person()
    cloud.settings.adapters.mkdir(exist_ok=True)
    weights = cloud.settings.model_dir / "unet" / "diffusion_pytorch_model.safetensors"
    (cloud.settings.adapters / "wild.safetensors").write_bytes(_lora(weights.read_bytes()))
    view, changed = made(cloud, address, {"adapter": "wild"})
    _, plain = made(cloud, address, {})
    assert view["adapter"] == "wild"
    assert distance(changed, plain) > 1
    view = wait_for_end(cloud, address, ask(cloud, address, {"prompt": PROMPT, "adapter": "nothing"}))
    assert (view["status"], view["failure"]["code"]) == ("FAILED", "adapter_refused")
    assert "There is no adapter 'nothing'." in view["failure"]["sentence"]


def test_an_adapters_name_is_judged(cloud: LocalCloud) -> None:
    address = person()
    view = wait_for_end(cloud, address, ask(cloud, address, {"prompt": PROMPT, "adapter": "porn-v2"}))
    assert (view["status"], view["failure"]["code"]) == ("BLOCKED", "prompt_blocked")


def _lora(weights: bytes) -> bytes:
    """A LoRA of rank 1, far too strong, for every attention of a network, in the format's own bytes."""
    (size,) = struct.unpack("<Q", weights[:8])
    entries = json.loads(weights[8 : 8 + size])
    layers = {
        name: entry["shape"] for name, entry in entries.items() if name.endswith((".to_q.weight", ".to_v.weight"))
    }
    header: dict[str, Any] = {}
    body = b""
    dice = random.Random(7)
    for name, (rows, columns) in layers.items():
        for part, shape in (("lora_A", [1, columns]), ("lora_B", [rows, 1])):
            numbers = [dice.uniform(-2, 2) for _ in range(max(shape))]
            content = struct.pack(f"<{len(numbers)}f", *numbers)
            key = f"unet.{name.removesuffix('.weight')}.{part}.weight"
            header[key] = {"dtype": "F32", "shape": shape, "data_offsets": [len(body), len(body) + len(content)]}
            body += content
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body
