"""Deploy the stack once more with other parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from integration.conftest import LocalCloud


def deploy_with(cloud: LocalCloud, **changes: str) -> None:
    """Update the stack: these parameters new, every other one and the template as they are."""
    client, name = cloud.client("cloudformation"), cloud.stack["stack_name"]
    known = client.describe_stacks(StackName=name)["Stacks"][0]
    kept = [
        {"ParameterKey": parameter["ParameterKey"], "UsePreviousValue": True}
        for parameter in known["Parameters"]
        if parameter["ParameterKey"] not in changes
    ]
    client.update_stack(
        StackName=name,
        UsePreviousTemplate=True,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=kept + [{"ParameterKey": key, "ParameterValue": value} for key, value in changes.items()],
    )

    def updated() -> bool:
        status = str(client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])
        assert "ROLLBACK" not in status, status
        return status == "UPDATE_COMPLETE"

    cloud.wait_until(updated, f"the stack with {changes}", 120)
