"""One line of the table of permissions, and who judges it locally."""

from __future__ import annotations

from dataclasses import dataclass

EVALUATED = "the emulator judges it, with AUTH=true"
STAND_IN = "the stand-in of the SageMaker runtime asks SimulatePrincipalPolicy for the caller"
NO_TAGS = "not judged: the emulator takes PutObject and CopyObject with tags for s3:PutObject alone"
NO_LEADING_KEYS = "not judged: the emulator knows no dynamodb:LeadingKeys, so a neighbour's grant covers it"
NO_RAW_MAIL = "not judged: the emulator takes a raw mail for ses:SendEmail alone"
OPEN_TOPIC = "not judged: a topic of the emulator takes messages from every role of its account"
NOT_ENFORCED_ROLE = "not judged: the emulator acts for Step Functions and Scheduler without their roles"
NO_XRAY = "not judged: the emulator has no X-Ray"
NO_PASS_ROLE = "not judged: the emulator asks nobody whether a role may be lent"
NOT_ASKED = "judged by test_guardrail.py: the local stack asks a guardrail only where a test names one"
NO_SERVICE = "not judged: the emulator has no such service"
NO_ENDPOINT = "not judged: there is no SageMaker endpoint to need it"


@dataclass(frozen=True)
class Grant:
    """One action of one statement.

    `sites` of a function are `file:Class.method` below functions/afterimage; of a role that AWS itself or the container
    takes on, a file of the repository and a text in it that asks for the action.
    """

    holder: str
    sid: str
    action: str
    sites: tuple[str, ...]
    judged: str = EVALUATED
