"""Measurements as comparisons, claims and verdicts; needs neither torch nor scikit-learn."""
