"""Names and constants that the measurements and the report share."""

# Activations. A control is ReLU under other seeds: a difference from ReLU is a false positive.
CONTROLS = ("control", *(f"control {k}" for k in range(2, 6)))
BASELINES = ("relu", "gelu")
PROPOSED = ("sgelu", "ada_sgelu")

DEFAULT_RATE = 1e-3  # learning rate of runs without a choice: Adam's default (Kingma & Ba 2014)

BLOCK_SCORES = "test_blocks"  # array of a run: test accuracy, else loss, of each horizon and block of samples

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
