"""Workloads with made-up deviations, each large enough to be estimated."""

import math

from bench.statistics.components import Components
from bench.statistics.simulation import Workload

CLASSIFIER = Workload(
    "classifier, early",
    Components(
        seed=0.13,
        shared_seed=0.075,
        seed_rate=0.05,
        shared_image=1.2,
        image=0.3,
        residual=0.6,
        rate_image=0.26,
        validation=0.1,
        rates=(0.1, 0.05, 0.0, 0.3, 1.0),
    ),
    relative=False,
    effect=0.3,
)
AUTOENCODER = Workload(
    "autoencoder, end",
    Components(
        seed=0.035,
        shared_seed=0.02,
        seed_rate=0.01,
        shared_image=0.05,
        image=0.02,
        residual=0.01,
        rate_image=0.01,
        validation=0.01,
        rates=(0.02, 0.01, 0.0, 0.06, 0.2),
        tail=0.1,
        tail_scale=3.0,
    ),
    relative=True,
    effect=math.log(1.1),
)
WORKLOADS = {workload.name: workload for workload in (CLASSIFIER, AUTOENCODER)}
