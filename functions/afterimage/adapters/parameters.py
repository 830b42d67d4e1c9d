"""What an operator may change without deploying, read from Parameter Store and remembered for half a minute."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.parameters import SSMProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from afterimage.domain.errors import ModeratorUnavailableError, StoreUnavailableError
from afterimage.domain.moderation import Policy, packaged_policy, parse_policy
from afterimage.domain.quotas import Quotas, parse_quotas
from afterimage.domain.strikes import StrikeRules, parse_strike_rules

_REMEMBER_S = 30
PACKAGED = "packaged"


class OperatorParameters:
    """Reads this deployment's parameters; names are full Parameter Store names."""

    def __init__(self, client: Any) -> None:
        self._provider = SSMProvider(boto3_client=client)

    def _get(self, name: str) -> str:
        return str(self._provider.get(name, max_age=_REMEMBER_S))

    def admission_is_open(self, name: str) -> bool:
        """True while the switch's first word is `open`; time and reason may follow. Raises
        StoreUnavailableError when it cannot be read."""
        try:
            return self._get(name).lower().split()[:1] == ["open"]
        except GetParameterError as exc:
            raise StoreUnavailableError() from exc

    def quotas(self, name: str) -> Quotas:
        """Return the bounds that hold for everybody without one of their own. Raises StoreUnavailableError or
        QuotasInvalidError: bounds that cannot be read let nothing through."""
        try:
            return parse_quotas(self._get(name))
        except GetParameterError as exc:
            raise StoreUnavailableError() from exc

    def strike_rules(self, name: str) -> StrikeRules:
        """Return after how many blocked requests an owner waits. Raises StoreUnavailableError or StrikesInvalidError:
        rules that cannot be read let nothing through."""
        try:
            return parse_strike_rules(self._get(name))
        except GetParameterError as exc:
            raise StoreUnavailableError() from exc

    def link_ttl_s(self, name: str) -> int:
        """Return the lifetime of mailed links from a number of hours. Raises StoreUnavailableError."""
        try:
            return int(self._get(name)) * 3600
        except GetParameterError as exc:
            raise StoreUnavailableError() from exc

    def moderation_policy(self, name: str) -> Policy:
        """Return the packaged policy, or the operator's own. A policy that cannot be read lets nothing through:
        raises ModeratorUnavailableError or PolicyInvalidError."""
        try:
            text = self._get(name)
        except GetParameterError as exc:
            raise ModeratorUnavailableError() from exc
        return packaged_policy() if text.strip() == PACKAGED else parse_policy(text)
