"""The main job as its users see it: real HTTP, real tokens, real container, real mail, IAM enforced."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

import httpx
from integration.journey import ask, execution_arn, job_item, links_in, mails_to, person, read, text_of, wait_for_end
from PIL import Image

if TYPE_CHECKING:
    from integration.conftest import LocalCloud


def test_a_request_becomes_a_mailed_link_that_opens_the_picture(cloud: LocalCloud) -> None:
    address = person()
    job_id = ask(cloud, address, {"prompt": "a red circle on a blue background", "seed": 7})
    view = wait_for_end(cloud, address, job_id)
    assert view["status"] == "SUCCEEDED"
    assert view["notice"]["state"] == "sent"
    assert [entry["status"] for entry in view["timeline"]] == [
        "QUEUED", "MODERATING", "GENERATING", "REVIEWING", "DELIVERING", "SUCCEEDED",
    ]  # fmt: skip
    (picture,) = view["images"]
    assert picture["seed"] == 7

    (mail,) = mails_to(cloud, address)
    assert mail["Subject"] == "Your picture is ready"
    (link,) = links_in(mail)
    redirect = cloud.http("GET", link)
    assert redirect.status_code == 302
    assert redirect.headers["Cache-Control"] == "no-store"
    assert redirect.headers["Referrer-Policy"] == "no-referrer"
    opened = cloud.http("GET", redirect.headers["Location"])
    assert opened.status_code == 200
    assert hashlib.sha256(opened.content).hexdigest() == picture["sha256"]
    image = Image.open(io.BytesIO(opened.content))
    assert image.format == "PNG"
    assert image.size == (picture["width"], picture["height"])


def test_the_mail_shows_the_thumbnail_inline_and_says_when_the_link_ends(cloud: LocalCloud) -> None:
    address = person()
    wait_for_end(cloud, address, ask(cloud, address))
    (mail,) = mails_to(cloud, address)
    html = mail.get_body(("html",))
    assert html is not None
    (thumbnail,) = [part for part in mail.walk() if part.get_content_type() == "image/jpeg"]
    assert f"cid:{thumbnail['Content-ID'][1:-1]}" in html.get_content()
    assert max(Image.open(io.BytesIO(thumbnail.get_content())).size) == 320
    assert "The link works until" in text_of(mail)


def test_the_picture_is_tagged_and_carries_its_parameters(cloud: LocalCloud) -> None:
    address = person()
    job_id = ask(cloud, address, {"prompt": "a green square", "seed": 11, "preset": "icon"})
    view = wait_for_end(cloud, address, job_id)
    key = job_item(cloud, job_id)["pictures"]["L"][0]["M"]["key"]["S"]
    s3, bucket = cloud.client("s3"), cloud.outputs["BucketName"]
    tags = {tag["Key"]: tag["Value"] for tag in s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]}
    assert tags["job"] == job_id
    assert tags["seed"] == "11"
    assert tags["preset"] == "icon"
    assert tags["review"] == "not-judged"  # the demo model has no checker, and the tag says so
    assert job_id not in key
    written = Image.open(io.BytesIO(cloud.http("GET", view["images"][0]["url"]).content)).text
    assert "11" in str(written)


def test_each_of_several_pictures_has_its_own_seed_and_link(cloud: LocalCloud) -> None:
    address = person()
    view = wait_for_end(cloud, address, ask(cloud, address, {"prompt": "a blue star", "count": 3, "seed": 100}))
    assert [picture["seed"] for picture in view["images"]] == [100, 101, 102]
    (mail,) = mails_to(cloud, address)
    assert mail["Subject"] == "Your pictures are ready"
    opened = [cloud.http("GET", cloud.http("GET", link).headers["Location"]).content for link in links_in(mail)]
    assert [hashlib.sha256(content).hexdigest() for content in opened] == [p["sha256"] for p in view["images"]]


def test_the_same_seed_gives_the_same_picture(cloud: LocalCloud) -> None:
    address = person()
    first, second = (ask(cloud, address, {"prompt": "a red circle", "seed": 5}) for _ in range(2))
    views = [wait_for_end(cloud, address, job_id) for job_id in (first, second)]
    # Pixels, not files: each file also names its own job.
    made = [Image.open(io.BytesIO(cloud.http("GET", view["images"][0]["url"]).content)) for view in views]
    assert made[0].tobytes() == made[1].tobytes()


def test_a_blocked_prompt_ends_blocked_is_told_and_nothing_of_it_is_linkable(cloud: LocalCloud) -> None:
    address = person()
    job_id = ask(cloud, address, {"prompt": "a n u d e portrait"})
    view = wait_for_end(cloud, address, job_id)
    assert view["status"] == "BLOCKED"
    assert view["failure"]["code"] == "prompt_blocked"
    assert view["verdicts"][0]["categories"] == ["sexual"]
    assert view["images"] == []
    (mail,) = mails_to(cloud, address)
    assert links_in(mail) == []
    assert "portrait" not in mail.as_string()
    s3, bucket = cloud.client("s3"), cloud.outputs["BucketName"]
    for prefix in (f"jobs/{job_id}", f"quarantine/{job_id}", f"images/{job_item(cloud, job_id)['gallery']['S']}"):
        assert s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["KeyCount"] == 0


def test_a_softened_prompt_is_shown(cloud: LocalCloud) -> None:
    address = person()
    view = wait_for_end(cloud, address, ask(cloud, address, {"prompt": "a bloody sunset"}))
    assert view["status"] == "SUCCEEDED"
    assert view["prompt"] == "a bloody sunset"
    assert view["model_prompt"] == "a dramatic sunset"


def test_an_idempotency_key_gives_one_job_and_one_mail(cloud: LocalCloud) -> None:
    address = person()
    first = ask(cloud, address, key="once")
    assert ask(cloud, address, key="once") == first
    wait_for_end(cloud, address, first)
    assert ask(cloud, address, key="once") == first
    other = {"prompt": "something else"}
    conflict = cloud.http(
        "POST", "/v1/images", token=cloud.token(address), body=other, headers={"Idempotency-Key": "once"}
    )
    assert conflict.status_code == 409
    assert conflict.json()["code"] == "idempotency_key_reused"
    assert len(mails_to(cloud, address)) == 1


def test_another_persons_job_does_not_exist(cloud: LocalCloud) -> None:
    owner, stranger = person(), person()
    job_id = ask(cloud, owner)
    answer = cloud.http("GET", f"/v1/images/{job_id}", token=cloud.token(stranger))
    assert answer.status_code == 404
    assert answer.json()["code"] == "job_not_found"
    assert cloud.http("GET", "/v1/images", token=cloud.token(stranger)).json()["items"] == []
    wait_for_end(cloud, owner, job_id)


def test_the_gallery_is_paged_newest_first(cloud: LocalCloud) -> None:
    address = person()
    made = [ask(cloud, address) for _ in range(3)]
    first = cloud.http("GET", "/v1/images?limit=2", token=cloud.token(address)).json()
    rest = cloud.http("GET", f"/v1/images?limit=2&cursor={first['cursor']}", token=cloud.token(address)).json()
    assert [item["id"] for item in first["items"] + rest["items"]] == sorted(made, reverse=True)
    assert rest["cursor"] is None
    for job_id in made:
        wait_for_end(cloud, address, job_id)


def test_mail_goes_to_nobody_but_the_caller_without_the_scope(cloud: LocalCloud) -> None:
    address = person()
    answer = cloud.http(
        "POST", "/v1/images", token=cloud.token(address), body={"prompt": "x", "notify": {"email": person()}}
    )
    assert answer.status_code == 403
    assert answer.json()["code"] == "recipient_not_permitted"


def test_somebody_with_an_unconfirmed_address_is_not_mailed(cloud: LocalCloud) -> None:
    address = person()
    cloud.user(address, verified=False)
    token = cloud.client("cognito-idp").initiate_auth(
        ClientId=cloud.outputs["UserPoolClientId"],
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": address, "PASSWORD": "Aa1-integration-tests"},
    )["AuthenticationResult"]["AccessToken"]
    answer = cloud.http("POST", "/v1/images", token=token, body={"prompt": "x"})
    assert answer.status_code == 403
    assert answer.json()["code"] == "recipient_not_permitted"


def test_a_foreign_or_missing_token_is_refused(cloud: LocalCloud) -> None:
    assert cloud.http("GET", "/v1/images").status_code == 401
    assert cloud.http("GET", "/v1/images", token="not.a.token").status_code == 401


def test_an_altered_link_leads_nowhere_and_an_expired_one_says_so(cloud: LocalCloud) -> None:
    address = person()
    wait_for_end(cloud, address, ask(cloud, address))
    (link,) = links_in(mails_to(cloud, address)[0])
    altered = link[:-1] + ("A" if link[-1] != "A" else "B")
    assert cloud.http("GET", altered).json()["code"] == "link_not_found"
    token_hash = hashlib.sha256(link.rsplit("/", 1)[1].encode()).hexdigest()
    cloud.client("dynamodb").update_item(
        TableName=cloud.outputs["TableName"],
        Key={"pk": {"S": f"LINK#{token_hash}"}, "sk": {"S": "LINK"}},
        UpdateExpression="SET expires_at_s = :past",
        ExpressionAttributeValues={":past": {"N": "1"}},
    )
    expired = cloud.http("GET", link)
    assert expired.status_code == 410
    assert expired.json()["code"] == "link_expired"


def test_quarantine_and_jobs_cannot_be_opened_by_what_the_api_hands_out(cloud: LocalCloud) -> None:
    address = person()
    view = wait_for_end(cloud, address, ask(cloud, address))
    signed = view["images"][0]["url"]
    path = signed.split("?")[0].split("/images/")[1]
    assert cloud.http("GET", signed.replace(f"images/{path}", f"quarantine/{path}")).status_code == 403


def test_prompts_addresses_and_links_are_in_no_log_and_no_history(cloud: LocalCloud) -> None:
    address = person()
    canary = "zyzzyva" + address[1:7]
    job_id = ask(cloud, address, {"prompt": f"a {canary} in the snow"})
    wait_for_end(cloud, address, job_id)
    (link,) = links_in(mails_to(cloud, address)[0])
    secrets_of_this_request = [canary, address, link.rsplit("/", 1)[1], cloud.token(address)]
    cloud.http("GET", link)
    logs = cloud.client("logs")
    texts = [
        event["message"]
        for group in logs.describe_log_groups()["logGroups"]
        for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
    ]
    assert any(job_id in text for text in texts)
    history = cloud.client("stepfunctions").get_execution_history(
        executionArn=execution_arn(cloud, job_id), maxResults=1000
    )
    texts.append(str(history["events"]))
    for folder_log in ("model.log", "runtime.log"):
        texts.append((cloud.settings.logs / folder_log).read_text())
    assert [secret for secret in secrets_of_this_request if any(secret in text for text in texts)] == []


def test_a_scheduler_that_the_model_does_not_know_is_refused_with_its_reason(cloud: LocalCloud) -> None:
    address = person()
    view = wait_for_end(cloud, address, ask(cloud, address, {"prompt": "x", "scheduler": "NoSuchScheduler"}))
    assert view["status"] == "FAILED"
    assert view["failure"]["code"] == "scheduler_not_supported"
    assert len(mails_to(cloud, address)) == 1
    assert read(cloud, address, view["id"])["images"] == []


def test_a_program_with_client_credentials_names_its_recipient(cloud: LocalCloud) -> None:
    cognito, pool = cloud.client("cognito-idp"), cloud.outputs["UserPoolId"]
    client_id = cloud.outputs["MachineClientId"]
    secret = cognito.describe_user_pool_client(UserPoolId=pool, ClientId=client_id)["UserPoolClient"]["ClientSecret"]
    with httpx.Client(trust_env=False, timeout=30) as client:
        answer = client.post(
            f"{cloud.settings.emulator_url}/oauth2/token",
            data={"grant_type": "client_credentials", "scope": "afterimage/images afterimage/mail:any"},
            auth=(client_id, secret),
        )
    token = answer.json()["access_token"]
    nameless = cloud.http("POST", "/v1/images", token=token, body={"prompt": "a house"})
    assert nameless.json()["code"] == "recipient_not_permitted"
    address = person()
    asked = cloud.http("POST", "/v1/images", token=token, body={"prompt": "a house", "notify": {"email": address}})
    assert asked.status_code == 202
    cloud.wait_for_mail(address, 120)
    (mail,) = mails_to(cloud, address)
    assert mail["Subject"] == "Your picture is ready"
