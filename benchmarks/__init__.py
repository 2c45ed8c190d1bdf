"""Measurements, each a module with `main()`; `python -m benchmarks` runs them all. None of them is a test."""
