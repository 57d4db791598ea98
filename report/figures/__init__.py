"""Figures: frame or arrays in, matplotlib Figure out, no input or output; one file a topic."""
