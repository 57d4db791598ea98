"""Pages: the report, its sections on claims and custom candidates, store comparisons, regression checks."""
