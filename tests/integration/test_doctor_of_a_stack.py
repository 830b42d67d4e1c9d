"""The checks of a deployed stack on the local one, as far as the emulator has what they look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.deployed_checks import deployed_findings, read_deployed

if TYPE_CHECKING:
    from integration.conftest import LocalCloud

# The emulator has neither SageMaker nor quotas, and its account is what it is.
ELSEWHERE = {"endpoint", "instance quota", "concurrency", "mail account"}


def test_a_stack_that_was_just_deployed_is_well(cloud: LocalCloud) -> None:
    stack = read_deployed(cloud.client, cloud.stack["stack_name"])
    findings = {finding.name: finding for finding in deployed_findings(cloud.client, stack)}
    looked_at = [finding for name, finding in findings.items() if name not in ELSEWHERE]
    assert len(looked_at) == 9
    assert [finding for finding in looked_at if not finding.well] == []
    assert findings["alarms"].warning, "nobody would be told"
    switch = stack.resources["AdmissionParameter"]
    cloud.client("ssm").put_parameter(Name=switch, Value="closed", Overwrite=True)
    try:
        findings = {finding.name: finding for finding in deployed_findings(cloud.client, stack)}
    finally:
        cloud.client("ssm").put_parameter(Name=switch, Value="open", Overwrite=True)
    assert findings["admission"].sentence.startswith("closed since")
    assert not findings["admission"].well
