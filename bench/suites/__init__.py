"""The pytest-benchmark suites and the project's speed targets."""
