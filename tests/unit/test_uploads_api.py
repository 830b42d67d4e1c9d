"""Forms for input pictures, through `handle`. Every answer is held against openapi.json by `fakes.http`."""

from __future__ import annotations

import functools
from datetime import datetime
from typing import Any

import boto3
import pytest
from afterimage.adapters.s3_gallery import PRESIGN_CONFIG
from afterimage.adapters.s3_uploads import S3Uploads
from afterimage.domain.job import is_job_id
from afterimage.domain.uploads import FORMS_A_DAY
from afterimage.handlers import uploads_api
from fakes.http import MACHINE, PERSON, STRANGER, Answer, an_event, answer
from fakes.outside import Dice, Ticker
from fakes.stores import MemoryAccountStore, MemoryUploadCounter

PICTURE = {"content_type": "image/png"}


class Api:
    """The function, whose forms ask nobody."""

    def __init__(self) -> None:
        keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
        client = boto3.client("s3", "eu-central-1", config=PRESIGN_CONFIG, **keys)  # type: ignore[call-overload]
        self.accounts = MemoryAccountStore()
        self.deps = uploads_api.Dependencies(
            uploads=S3Uploads(client, "pictures"),
            accounts=self.accounts,
            counter=MemoryUploadCounter(),
            clock=Ticker(),
            entropy=Dice(),
        )

    def post(self, body: Any = PICTURE, **arguments: Any) -> Answer:
        event = an_event("POST", "/v1/uploads", body=body, **arguments)
        return answer(functools.partial(uploads_api.handle, deps=self.deps), event)


def test_a_form_names_one_place_of_its_owner_and_how_long_it_is_good() -> None:
    found = Api().post()
    assert found.status == 201
    body = found.body
    assert is_job_id(body["id"])
    assert body["fields"]["key"].endswith(f"/{body['id']}")
    assert body["fields"]["Content-Type"] == "image/png"
    assert body["max_bytes"] == 10_000_000
    form, upload = (datetime.fromisoformat(body[name]) for name in ("form_expires_at", "expires_at"))
    assert (upload - form).total_seconds() == 86_400 - 900


def test_everybody_has_a_folder_of_their_own_and_every_form_a_place() -> None:
    api = Api()
    keys = [api.post(claims=claims).body["fields"]["key"] for claims in (PERSON, PERSON, STRANGER, MACHINE)]
    assert len(set(keys)) == 4
    folders = [key.rpartition("/")[0] for key in keys]
    assert folders[0] == folders[1]
    assert len(set(folders)) == 3


@pytest.mark.parametrize("body", [{}, {"content_type": "image/gif"}, {"content_type": "image/png", "key": "jobs/x"}])
def test_another_kind_and_another_place_are_refused(body: dict[str, str]) -> None:
    found = Api().post(body)
    assert (found.status, found.body["code"]) == (422, "invalid_request")


def test_somebody_who_is_disabled_gets_no_form() -> None:
    api = Api()
    api.accounts.set_disabled("user#ada", True)
    found = api.post()
    assert (found.status, found.body["code"]) == (403, "account_disabled")


def test_one_form_too_many_says_when_there_are_new_ones() -> None:
    api = Api()
    assert {api.post().status for _ in range(FORMS_A_DAY)} == {201}
    found = api.post()
    assert (found.status, found.body["code"]) == (429, "too_many_uploads")
    assert 0 < int(found.headers["retry-after"]) <= 86_400
    assert api.post(claims=STRANGER).status == 201
