"""How many forms for input pictures an owner got in a day; erased with the rest of the owner's partition."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from afterimage.adapters.aws import error_code
from afterimage.adapters.dynamodb.items import Item, attribute, key, reaching_the_table
from afterimage.domain.quotas import day_of
from afterimage.domain.uploads import FORMS_A_DAY, UPLOAD_TTL_S, too_many_forms


def _uploads_key(owner: str, day: str) -> Item:
    return key(f"OWNER#{owner}", f"UPLOADS#{day}")


class DynamoUploadCounter:
    """Implements `ports.UploadCounter`."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def take(self, owner: str, at_ms: int) -> None:
        """Count a form. Raises TooManyUploadsError."""
        try:
            with reaching_the_table():
                self._client.update_item(
                    TableName=self._table,
                    Key=_uploads_key(owner, day_of(at_ms)),
                    UpdateExpression="ADD forms :one SET expires_at_s = :expires",
                    ConditionExpression="attribute_not_exists(forms) OR forms < :most",
                    ExpressionAttributeValues={
                        ":one": attribute(1),
                        ":most": attribute(FORMS_A_DAY),
                        ":expires": attribute(at_ms // 1000 + 2 * UPLOAD_TTL_S),
                    },
                )
        except ClientError as exc:
            if error_code(exc) == "ConditionalCheckFailedException":
                raise too_many_forms(at_ms) from exc
            raise
