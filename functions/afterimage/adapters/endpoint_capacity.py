"""How many machines the endpoint keeps at least, through Application Auto Scaling.

Who holds the endpoint stands in one item of the table: it is let go when nobody does. Between the leaving of the last
one and the write of the bound somebody else may come, so whoever lets go looks once more, and takes the bound back.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from afterimage.adapters.aws import unavailable_as
from afterimage.adapters.dynamodb.items import Item, key, reaching_the_table
from afterimage.domain.errors import EngineUnavailableError

# What the template says where the stack has no endpoint that scales.
NO_ENDPOINT = "none"


def _holders_key() -> Item:
    return key("ENDPOINT", "HOLDERS")


class EndpointCapacity:
    """Implements `campaign_ports.Capacity` for one scalable resource, `endpoint/{name}/variant/{variant}`."""

    def __init__(self, autoscaling: Any, dynamodb: Any, table: str, resource: str) -> None:
        self._autoscaling = autoscaling
        self._dynamodb = dynamodb
        self._table = table
        self._resource = resource

    def warm(self, holder: str) -> bool:
        """Record the holder, then ask for a machine. False when it cannot be asked for: the endpoint then wakes by its
        backlog, which is no reason to make nothing. Raises StoreUnavailableError or EngineUnavailableError."""
        if self._resource == NO_ENDPOINT:
            return False
        self._change("ADD", holder)
        try:
            self._keep(1)
        except ClientError:
            return False
        return True

    def let_go(self, holder: str) -> None:
        """Forget the holder; after the last one no machine is kept, for each hour of it is paid. Raises as `warm`, and
        EngineUnavailableError when the bound cannot be written."""
        if self._resource == NO_ENDPOINT or self._is_held_without(holder):
            return
        try:
            self._keep(0)
            if self._is_held_without(holder):
                self._keep(1)
        except ClientError as exc:
            raise EngineUnavailableError() from exc

    def _is_held_without(self, holder: str) -> bool:
        return bool(self._change("DELETE", holder).get("holders", {}).get("SS"))

    def _change(self, verb: str, holder: str) -> Item:
        with reaching_the_table():
            item: Item = self._dynamodb.update_item(
                TableName=self._table,
                Key=_holders_key(),
                UpdateExpression=f"{verb} holders :holder",
                ExpressionAttributeValues={":holder": {"SS": [holder]}},
                ReturnValues="ALL_NEW",
            ).get("Attributes", {})
        return item

    def _keep(self, machines: int) -> None:
        with unavailable_as(EngineUnavailableError):
            self._autoscaling.register_scalable_target(
                ServiceNamespace="sagemaker",
                ResourceId=self._resource,
                ScalableDimension="sagemaker:variant:DesiredInstanceCount",
                MinCapacity=machines,
            )
