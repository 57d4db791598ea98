"""Pages: the report with its sections on claims and custom candidates, store comparisons, regression checks."""
