"""The regression check: compare the benchmarks of two revisions in interleaved rounds.

It depends on no experiment and works on any repository with pytest-benchmark suites under `bench/`.
"""
