"""Let the state that waits for a person go on with what the person decided; the decision itself is on the job."""

from __future__ import annotations

from afterimage.domain.holds import Hold, Ruling
from afterimage.ports import Workflow


def answer_hold(hold: Hold, ruling: Ruling, workflow: Workflow) -> bool:
    """Answer the token; it may be said again. False when nobody waits: the state has heard it, or has ended.

    Raises WorkflowUnavailableError.
    """
    output = {"job_id": hold.job_id, "stage": hold.stage.value, "decision": ruling.value}
    return workflow.succeed(hold.task_token, output)
