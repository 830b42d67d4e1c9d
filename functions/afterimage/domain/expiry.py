"""How long records live. DynamoDB deletes late, so every read decides for itself with `is_expired`."""

from __future__ import annotations

IDEMPOTENCY_TTL_S = 24 * 3600


def is_expired(expires_at_s: int, now_ms: int) -> bool:
    """True once the stated moment has come, whether or not the record is still there."""
    return expires_at_s * 1000 <= now_ms
