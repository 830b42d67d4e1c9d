"""No variable and no level of the runtime makes a function log what it was asked for."""

from __future__ import annotations

import os
import subprocess
import sys

from security.template import ROOT

CANARY = "canary9c41"
SWITCHES = {
    "POWERTOOLS_LOG_LEVEL": "DEBUG",
    "POWERTOOLS_LOGGER_LOG_EVENT": "true",
    "POWERTOOLS_LOGGER_SAMPLE_RATE": "1",
    "POWERTOOLS_DEV": "true",
    "POWERTOOLS_DEBUG": "true",
    "AWS_LAMBDA_LOG_LEVEL": "DEBUG",
}
# As in a Lambda whose root logger writes everything; what moto says stands for AWS and is left out.
PROGRAM = f"""
import json, logging, sys
from security import gateway
class Ours(logging.StreamHandler):
    def filter(self, record):
        return not record.name.startswith(("moto", "responses", "werkzeug"))
logging.basicConfig(level=logging.DEBUG, handlers=[Ours(sys.stdout)])
bounds = dict.fromkeys(("monthly_pictures", "concurrent_jobs", "campaign_rows", "daily_pictures"), 5)
with gateway.deployed(json.dumps(bounds)) as api:
    api.person("{CANARY}")
    headers = {{"authorization": "{CANARY}", "content-type": "application/json", "idempotency-key": "{CANARY}"}}
    def post(**body):
        answer = api.request("POST", "/v1/images", headers=headers, body=json.dumps(body).encode())
        print("ANSWERED", answer.status)
        return json.loads(answer.text)
    made = post(prompt="a {CANARY}", negative_prompt="{CANARY}")
    post(prompt="another {CANARY}")
    post(prompt="a {CANARY}", preset="{CANARY}")
    print("ANSWERED", api.request("GET", "/v1/images/" + made["id"], headers=headers).status)
    print("ANSWERED", api.request("GET", "/i/{CANARY}", headers=headers).status)
    if sys.argv[1:]:
        logging.getLogger("anything").debug("%s", made["prompt"])
"""


def run(*arguments: str, **switches: str) -> str:
    paths = os.pathsep.join(str(ROOT / name) for name in ("functions", "tests", "."))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": paths, **switches},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = [line.removeprefix("ANSWERED ") for line in done.stdout.splitlines() if line.startswith("ANSWERED")]
    assert said == ["202", "409", "409", "200", "404"], done.stdout
    return done.stdout + done.stderr


def test_nothing_that_was_asked_for_is_logged_whatever_is_switched_on() -> None:
    said = run(**SWITCHES)
    assert "request accepted" in said, "the functions do log"
    assert CANARY not in said


def test_what_is_logged_would_be_seen() -> None:
    assert CANARY in run("planted")
