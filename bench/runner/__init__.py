"""Run benchmarks and training runs, and record their results."""
