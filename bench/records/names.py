"""Names and constants that the measurements and the report share."""

# Activations. The control is ReLU under other seeds: a difference from ReLU is a false positive.
CONTROL = "control"
BASELINES = ("relu", "gelu")
PROPOSED = ("sgelu", "ada_sgelu")

UNTUNED = 1e-3  # learning rate of runs without tuning: Adam's default (Kingma & Ba 2014)

# Tasks of training runs and benchmarks.
DESCENT = "logistic_regression"
PASSES = {"activation_forward": "forward", "activation_backward": "backward"}
CONVOLUTIONS = {"convolution_forward": "forward", "convolution_training": "forward and backward"}
