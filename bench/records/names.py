"""Names and constants that the measurements and the report share."""

# Activations. The control is ReLU under other seeds: a difference from ReLU is a false positive.
CONTROL = "control"
BASELINES = ("relu", "gelu")
PROPOSED = ("sgelu", "ada_sgelu")

UNTUNED = 1e-3  # learning rate of runs without tuning: Adam's default (Kingma & Ba 2014)

# Tasks of training runs and benchmarks.
DESCENT = "logistic_regression"
# Size of the classifier's hidden layer, 128 samples of 128 units, at which activations are compared.
CLASSIFIER_SIZE = "16384 elements"
COPIES = {"at hand": "copy into memory at hand", "fresh": "copy into a new tensor"}
PASSES = {"activation_forward": "forward", "activation_backward": "backward"}
CONVOLUTIONS = {"convolution_forward": "forward", "convolution_training": "forward and backward"}
BACKGROUND_LOAD = "background_load"  # of a round of benchmarks: processors that other processes used
AGAIN = "torch again"  # implementation of a benchmark that is measured twice, to see false positives
TWICE = ("relu", "gelu", "native")  # torch's kernels that are measured twice
