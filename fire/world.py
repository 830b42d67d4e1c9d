"""What a campaign may do with a deployed local cloud, and what it sees of it."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import httpx

from local import runtime_control
from local.settings import ROOT, Settings

T = TypeVar("T")
PATIENCE_S = 120.0
ADMIN = 9_999  # the number of a person who asks for nothing
FINAL = ("SUCCEEDED", "BLOCKED", "FAILED", "CANCELLED", "EXPIRED")
PASSWORD = "Aa1-" + secrets.token_urlsafe(18)
Item = dict[str, Any]


class FireError(Exception):
    """Raised when a campaign cannot go on: something did not come that has to come before the next step."""


class Deployed(Protocol):
    """A local cloud with the stack on it; the tests' and the benchmarks' are both one."""

    @property
    def settings(self) -> Settings: ...

    @property
    def environment(self) -> dict[str, str]: ...

    @property
    def outputs(self) -> dict[str, str]: ...

    def client(self, service: str) -> Any: ...


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One look at the table: jobs by id, their attempts, everything else."""

    jobs: dict[str, Item]
    attempts: dict[str, list[Item]]
    others: list[Item]


@dataclass
class World:
    """The cloud in the campaign's words. Threads may share it."""

    cloud: Deployed
    prefix: str
    _tokens: dict[str, str] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)
    _clients: dict[str, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.http = httpx.Client(trust_env=False, timeout=60)

    def client(self, service: str) -> Any:
        """One for everybody: making one takes longer than most calls do."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self.cloud.client(service)
            return self._clients[service]

    def address(self, owner: int) -> str:
        return f"{self.prefix}{owner}@afterimage.example"

    def token(self, address: str) -> str:
        with self._lock:
            if address not in self._tokens:
                self._tokens[address] = self._sign_in(address)
            return self._tokens[address]

    def _sign_in(self, address: str) -> str:
        client, pool = self.cloud.client("cognito-idp"), self.cloud.outputs["UserPoolId"]
        attributes = [{"Name": "email", "Value": address}, {"Name": "email_verified", "Value": "true"}]
        client.admin_create_user(UserPoolId=pool, Username=address, UserAttributes=attributes, MessageAction="SUPPRESS")
        if address == self.address(ADMIN):
            client.admin_add_user_to_group(UserPoolId=pool, Username=address, GroupName="admin")
        client.admin_set_user_password(UserPoolId=pool, Username=address, Password=PASSWORD, Permanent=True)
        answer = client.initiate_auth(
            ClientId=self.cloud.outputs["UserPoolClientId"],
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": address, "PASSWORD": PASSWORD},
        )
        return str(answer["AuthenticationResult"]["AccessToken"])

    def send(self, method: str, address: str, path: str, body: Any = None, key: str = "") -> httpx.Response:
        """What is sent here may be repeated. So it is as long as the emulator, which runs sixteen functions at a time,
        refuses in a way that AWS does not."""
        headers = {"Authorization": f"Bearer {self.token(address)}"} | ({"Idempotency-Key": key} if key else {})
        while True:
            answer = self.http.request(method, self.cloud.settings.api_base + path, json=body, headers=headers)
            if "ConcurrentInvocationLimitExceeded" not in answer.text:
                return answer
            time.sleep(0.2)

    def faults(self, rules: list[dict[str, Any]]) -> None:
        runtime_control.request(self.cloud.settings, "PUT", "/_faults", rules)

    def faults_left(self) -> list[dict[str, Any]]:
        left: list[dict[str, Any]] = runtime_control.request(self.cloud.settings, "GET", "/_faults")
        return left

    def allow(self, concurrent_jobs: int) -> None:
        """Let each person have so many open requests; functions notice within half a minute."""
        name, ssm = f"/{stack_name(self.cloud.settings)}/quotas", self.client("ssm")
        quotas = json.loads(ssm.get_parameter(Name=name)["Parameter"]["Value"])
        quotas |= {"concurrent_jobs": concurrent_jobs}
        ssm.put_parameter(Name=name, Value=json.dumps(quotas), Overwrite=True)

    def limit(self, address: str, pictures: int) -> None:
        """Let one person have so many pictures in a month, as an admin may decide."""
        self.token(address)  # who has never signed in is nobody yet
        admin = self.address(ADMIN)
        body = {"monthly_pictures": pictures, "concurrent_jobs": None, "campaign_rows": None}
        answer = self.send("PUT", admin, f"/v1/admin/users/{address}/quota", body)
        if answer.status_code != 200:
            raise FireError(f"a quota was answered {answer.status_code}: {answer.text}")

    def name(self, logical_id: str) -> str:
        """The deployed name of a resource of the template."""
        if logical_id not in self._names:
            found = self.client("cloudformation").describe_stack_resource(
                StackName=stack_name(self.cloud.settings), LogicalResourceId=logical_id
            )
            self._names[logical_id] = str(found["StackResourceDetail"]["PhysicalResourceId"])
        return self._names[logical_id]

    def invoke(self, logical_id: str, event: Any) -> Any:
        """Invoke a function and return its answer, an error's document too."""
        answer = self.client("lambda").invoke(FunctionName=self.name(logical_id), Payload=json.dumps(event).encode())
        return json.loads(answer["Payload"].read() or b"null")

    def execution(self, job_id: str) -> str:
        return f"{self.cloud.outputs['StateMachineArn'].replace(':stateMachine:', ':execution:')}:{job_id}"

    def execution_status(self, job_id: str) -> str:
        """Empty for one that was never started."""
        states = self.client("stepfunctions")
        try:
            return str(states.describe_execution(executionArn=self.execution(job_id))["status"])
        except states.exceptions.ExecutionDoesNotExist:
            return ""

    def running(self) -> set[str]:
        """The names of the executions that run."""
        pages = (
            self.client("stepfunctions")
            .get_paginator("list_executions")
            .paginate(stateMachineArn=self.cloud.outputs["StateMachineArn"], statusFilter="RUNNING")
        )
        return {execution["name"] for page in pages for execution in page["executions"]}

    def stop(self, job_id: str) -> None:
        self.client("stepfunctions").stop_execution(executionArn=self.execution(job_id))

    def job(self, job_id: str) -> Item:
        key = {"pk": {"S": f"JOB#{job_id}"}, "sk": {"S": "JOB"}}
        found = self.client("dynamodb").get_item(TableName=self.table, Key=key, ConsistentRead=True)
        return dict(found.get("Item", {}))

    def attempts(self, job_id: str) -> list[Item]:
        found = self.client("dynamodb").query(
            TableName=self.table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
            ExpressionAttributeValues={":pk": {"S": f"JOB#{job_id}"}, ":sk": {"S": "ATTEMPT#"}},
        )
        return list(found["Items"])

    @property
    def table(self) -> str:
        return self.cloud.outputs["TableName"]

    def look(self) -> Seen:
        """Read the whole table once."""
        seen = Seen(jobs={}, attempts={}, others=[])
        for page in self.client("dynamodb").get_paginator("scan").paginate(TableName=self.table):
            for item in page["Items"]:
                kind, name = item["sk"]["S"], item["pk"]["S"].partition("#")[2]
                if kind == "JOB":
                    seen.jobs[name] = item
                elif kind.startswith("ATTEMPT#"):
                    seen.attempts.setdefault(name, []).append(item)
                else:
                    seen.others.append(item)
        return seen

    def mails(self) -> list[bytes]:
        """Every mail in the sink. SES answers before its relay has delivered, so what it took is waited for."""
        taken = self.http.get(f"{self.cloud.settings.emulator_url}/_ministack/ses/messages").json()["messages"]
        expected = sum(len(account) for account in taken.values())
        folder: Path = self.cloud.settings.mail
        wait_until(lambda: len(list(folder.glob("*.eml"))) >= expected, f"{expected} mails")
        return [path.read_bytes() for path in folder.glob("*.eml")]

    def local(self, command: str) -> None:
        """`python -m local COMMAND` for this cloud."""
        done = subprocess.run(
            [sys.executable, "-m", "local", command],
            cwd=ROOT,
            env=self.cloud.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise FireError(f"`python -m local {command}` failed:\n{done.stdout}{done.stderr}")


def stack_name(settings: Settings) -> str:
    name: str = json.loads((settings.state / "stack.json").read_text())["stack_name"]
    return name


def wait_until(probe: Callable[[], T | None], what: str, timeout_s: float = PATIENCE_S) -> T:
    """Return the first value of `probe` that is not None and not False. Raises FireError."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        value = probe()
        if value is not None and value is not False:
            return value
        time.sleep(0.2)
    raise FireError(f"{what} did not come within {timeout_s:g} s")
