"""The experiments: their runs, their estimated duration, and the choice of learning rates."""
