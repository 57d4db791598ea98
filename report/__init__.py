"""Turns stored measurements and recomputed answers into one HTML page and one PDF."""
