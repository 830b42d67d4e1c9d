"""Fakes that implement the ports, and samples. The stores pass the contract tests that the real adapters pass."""
