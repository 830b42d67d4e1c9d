"""`afterimage generate` as a person and as a script meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from typer.testing import Result

from cli.errors import CliError
from cli.watch import StillRunningError
from tests.unit.cli.service import JOB_ID, PICTURE, Service, job_document, problem, write_mail

Run = Callable[..., Result]
SAVED = "a-red-circle-j442t.png".replace("j442t", JOB_ID[-6:])


def test_the_picture_is_saved_with_its_bytes(run: Run) -> None:
    done = run("generate", "a red circle")
    assert done.exit_code == 0, done.output
    assert Path(SAVED).read_bytes() == PICTURE
    assert SAVED in done.stdout


def test_states_are_told_with_their_times_where_nothing_can_be_redrawn(run: Run) -> None:
    lines = run("generate", "a red circle").stdout.splitlines()
    assert "   0.00 s  queued" in lines
    assert "   1.00 s  generating" in lines
    assert "   2.50 s  succeeded" in lines
    assert "\x1b" not in "".join(lines)


def test_the_mailed_link_is_shown_where_the_mail_can_be_read(run: Run, cloud_folder: Path) -> None:
    write_mail(cloud_folder / "mail")
    assert "/i/secret" in run("generate", "a red circle").stdout


def test_without_the_mail_the_fresh_link_is_shown(run: Run) -> None:
    assert "0.png?X-Amz-Signature=1  for five minutes" in run("generate", "a red circle").stdout


def test_what_was_not_said_is_not_sent(run: Run, service: Service) -> None:
    run("generate", "a red circle")
    assert service.bodies() == [{"prompt": "a red circle", "count": 1}]


def test_every_option_reaches_the_service(run: Run, service: Service) -> None:
    options = (
        "--preset icon --seed 3 --count 2 --size 512x768 --email a@b.example --negative grey --steps 9 --guidance 2.5"
    )
    assert run("generate", "a cat", *options.split()).exit_code == 0
    assert service.bodies() == [
        {
            "prompt": "a cat",
            "preset": "icon",
            "seed": 3,
            "count": 2,
            "width": 512,
            "height": 768,
            "notify": {"email": "a@b.example"},
            "negative_prompt": "grey",
            "steps": 9,
            "guidance": 2.5,
        }
    ]


@pytest.mark.parametrize(
    "wrong", [("--size", "big"), ("--size", "12x"), ("--seed", "-1"), ("--count", "5"), ("--nonsense",)]
)
def test_wrong_usage_ends_with_2_and_asks_for_nothing(run: Run, service: Service, wrong: tuple[str, ...]) -> None:
    assert run("generate", "a cat", *wrong).exit_code == 2
    assert service.requests == []


def test_json_is_one_document_and_nothing_else(run: Run, cloud_folder: Path) -> None:
    write_mail(cloud_folder / "mail")
    done = run("generate", "a red circle", "--json", "--output", "out")
    document = json.loads(done.stdout)
    assert document["status"] == "SUCCEEDED"
    assert document["saved"] == [f"out/{SAVED}"]
    assert document["mailed_links"][0].endswith("/i/secret")
    assert done.stderr == ""


@pytest.mark.parametrize("status", ["BLOCKED", "FAILED", "CANCELLED", "EXPIRED"])
def test_a_request_without_a_picture_ends_with_3_and_its_reason(run: Run, service: Service, status: str) -> None:
    failure = {"code": "some_code", "sentence": "This is why."}
    service.answers[f"GET /v1/images/{JOB_ID}"] = job_document("QUEUED", "MODERATING", status, failure=failure)
    done = run("generate", "a red circle")
    assert done.exit_code == 3
    assert "This is why." in done.stdout
    assert list(Path().iterdir()) == []


def test_json_of_a_request_without_a_picture_ends_with_3_too(run: Run, service: Service) -> None:
    service.answers[f"GET /v1/images/{JOB_ID}"] = job_document("QUEUED", "BLOCKED")
    done = run("generate", "a red circle", "--json")
    assert (done.exit_code, json.loads(done.stdout)["status"]) == (3, "BLOCKED")


def test_an_error_of_the_api_shows_detail_and_code_on_stderr(run: Run, service: Service) -> None:
    service.answers["POST /v1/images"] = problem(422, "size_out_of_bounds", "Width must be 64.")
    done = run("generate", "a red circle", "--json")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "error: Width must be 64. (size_out_of_bounds)\n"


def test_when_the_time_is_over_the_person_learns_how_to_look_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.commands.generate.watch", _never_done)
    done = run("generate", "a red circle", "--json")
    assert done.exit_code == 1
    assert f"show {JOB_ID} --wait" in done.stderr
    assert json.loads(done.stdout)["status"] == "QUEUED"


def test_ctrl_c_leaves_the_request_running_and_says_how_to_look_again(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.commands.generate.watch", _interrupted)
    done = run("generate", "a red circle")
    assert done.exit_code == 130
    assert f"show {JOB_ID} --wait" in done.stderr


def test_trouble_while_waiting_says_how_to_look_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.commands.generate.watch", _trouble)
    done = run("generate", "a red circle")
    assert done.exit_code == 1
    assert f"show {JOB_ID} --wait" in done.stderr


def test_a_damaged_picture_is_not_saved(run: Run, service: Service) -> None:
    service.answers["GET /bucket/images/abc/0.png"] = PICTURE[:-1]
    done = run("generate", "a red circle")
    assert done.exit_code == 1
    assert "digest differs" in done.stderr
    assert list(Path().iterdir()) == []


def test_a_prompt_cannot_steer_the_terminal(run: Run, service: Service) -> None:
    document = job_document(prompt="a\x1b]0;owned\x07 cat\u202e")
    service.answers["POST /v1/images"] = document
    service.answers[f"GET /v1/images/{JOB_ID}"] = document
    done = run("generate", "x")
    assert "\x1b" not in done.stdout
    assert "\u202e" not in done.stdout
    assert "a ]0;owned cat" in done.stdout


def test_without_a_local_cloud_it_says_how_to_start_one(run: Run, cloud_folder: Path) -> None:
    (cloud_folder / "state" / "stack.json").unlink()
    done = run("generate", "a red circle")
    assert done.exit_code == 1
    assert "afterimage up" in done.stderr


def test_a_profile_without_a_stack_is_wrong_usage(run: Run) -> None:
    assert run("generate", "a red circle", "--profile", "prod").exit_code == 2


def _never_done(first, look, timeout_s, **options):  # type: ignore[no-untyped-def]
    yield first
    raise StillRunningError(first, timeout_s)


def _interrupted(first, look, timeout_s, **options):  # type: ignore[no-untyped-def]
    yield first
    raise KeyboardInterrupt


def _trouble(first, look, timeout_s, **options):  # type: ignore[no-untyped-def]
    yield first
    raise CliError("The network is gone.")


FORM = {
    "id": "01m81r2gphs3sdm6jwd27aaaaa",
    "url": "http://localhost:4566/pictures",
    "fields": {"key": "uploads/x/y", "Content-Type": "image/png", "policy": "p"},
    "max_bytes": 1000,
}


@pytest.fixture
def takes_pictures(service: Service) -> Service:
    service.answers |= {"POST /v1/uploads": FORM, "POST /pictures": httpx.Response(204)}
    return service


def test_a_picture_is_sent_first_and_named_in_the_request(run: Run, takes_pictures: Service) -> None:
    Path("photo.png").write_bytes(PICTURE)
    done = run("generate", "a red circle", "--from", "photo.png", "--strength", "0.6", "--adapter", "oil")
    assert done.exit_code == 0, done.output
    asked, form, request = [sent for sent in takes_pictures.requests if sent.method == "POST"]
    assert json.loads(asked.content) == {"content_type": "image/png"}
    assert PICTURE in form.content
    assert b'name="policy"' in form.content
    assert "Authorization" not in form.headers
    wanted = {"prompt": "a red circle", "count": 1, "strength": 0.6, "adapter": "oil", "input": {"upload": FORM["id"]}}
    assert json.loads(request.content) == wanted
    assert "from  photo.png, 0.1 kB sent" in done.stdout


def test_json_stays_one_document_when_a_picture_is_sent(run: Run, takes_pictures: Service) -> None:
    Path("photo.png").write_bytes(PICTURE)
    assert json.loads(run("generate", "x", "--from", "photo.png", "--json").stdout)["status"] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"%PDF-1.7", "is no picture that the service takes"), (b"", "is no picture"), (None, "cannot be read")],
)
def test_another_file_is_refused_before_anything_is_asked(
    run: Run, takes_pictures: Service, content: bytes | None, words: str
) -> None:
    if content is not None:
        Path("photo.jpg").write_bytes(content)
    done = run("generate", "x", "--from", "photo.jpg")
    assert done.exit_code == 1
    assert words in done.stderr
    assert takes_pictures.requests == []


def test_a_picture_that_is_too_large_is_not_sent(run: Run, takes_pictures: Service) -> None:
    Path("photo.png").write_bytes(PICTURE + b"\0" * 1000)
    done = run("generate", "x", "--from", "photo.png")
    assert done.exit_code == 1
    assert "the service takes 0.001 MB" in done.stderr
    assert [sent.url.path for sent in takes_pictures.requests if sent.url.path == "/pictures"] == []


def test_a_form_that_the_store_refuses_ends_with_a_sentence(run: Run, takes_pictures: Service) -> None:
    takes_pictures.answers["POST /pictures"] = httpx.Response(400)
    Path("photo.png").write_bytes(PICTURE)
    done = run("generate", "x", "--from", "photo.png")
    assert done.exit_code == 1
    assert "The upload was not taken" in done.stderr


def test_a_strength_without_a_picture_is_wrong_usage(run: Run, service: Service) -> None:
    assert run("generate", "x", "--strength", "0.5").exit_code == 2
    assert service.requests == []
