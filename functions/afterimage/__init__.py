"""Afterimage, an event-driven text-to-image service. The folders are the architecture; see docs/architecture.md."""
