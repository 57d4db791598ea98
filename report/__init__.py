"""The report: stored measurements and recomputed answers as one HTML page and one PDF."""
