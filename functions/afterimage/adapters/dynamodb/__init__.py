"""The one table: JOB#id / JOB and / ATTEMPT#digest, IDEMPOTENCY#hash, LINK#hash. See DESIGN in docs/architecture.md."""
