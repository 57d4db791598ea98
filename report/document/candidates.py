"""Names of the candidates that the claims compare."""

BASELINES = ("relu", "gelu")
PROPOSED = ("sgelu", "ada_sgelu")
CONTROL = "control"  # ReLU with other seeds
UNTUNED = 1e-3  # the learning rate of all activations before rates were tuned
PASSES = {"activation_forward": "forward", "activation_backward": "backward"}
