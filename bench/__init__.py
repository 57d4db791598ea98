"""Measures what impl holds and keeps every sample in one store."""
