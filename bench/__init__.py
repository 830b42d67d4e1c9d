"""Benchmarks. They print numbers and keep them as JSON under results/; they assert nothing about time."""
