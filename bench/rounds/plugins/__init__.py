"""Pytest plugins of the regression check; each file imports nothing of this project."""
