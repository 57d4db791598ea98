"""Rounds of benchmarks: fresh pytest-benchmark processes, their settings, and what disturbed them."""
