"""Computer algebra: the formulas of the report, read from LaTeX and checked."""
