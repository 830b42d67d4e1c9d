"""Afterimage: an event-driven text-to-image service. The folder listing is the architecture; see docs/architecture.md."""
