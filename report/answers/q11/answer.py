"""Question 11: the two proposed activations, SGELU and AdaSGELU, beside GELU and the others."""

import torch
from torch import nn

from bench.statistics import CONFIDENCE
from bench.store import Snapshot
from impl.activations.registry import ACTIVATIONS
from impl.models import ConvAutoencoder
from report.algebra.identities import outcome
from report.answers.cost import bandwidth, worth_drawing
from report.answers.q11.algebra import identities
from report.answers.q11.autoencoders import autoencoder, cost, troubles
from report.answers.q11.evidence import classifier
from report.answers.q11.gaussian import RARE, gelu_facts, properties, sgelu_facts
from report.answers.q11.reasons import reasons
from report.document.answer import Answer, Values
from report.document.formats import number, percent
from report.document.page import Erratum
from report.evidence import verdicts
from report.evidence.activation_runs import AUTOENCODERS
from report.figures.activations import curves, on_grid
from report.figures.drawing import Drawing, draw

SHORT = ("q11-par", "q11-better", "q11-fc", "q11-conv", "q11-batch-norm")  # the claims of the short answer
ALPHA = 0.5  # at which the figure draws AdaSGELU, which at 1 is SGELU


# Few enough in a panel to tell apart.
GROUPS = {
    "keep the positive side": ("relu", "gelu", "swish", "mish", "elu"),
    "even": ("sgelu", "ada_sgelu", "sgelu_yu", "lisht"),
    "bounded": ("sigmoid", "tanh"),
}


def doubled() -> int:
    """How often a batch norm and activation follow another such pair with nothing between, as printed."""
    network = ConvAutoencoder(nn.ReLU)
    kinds = [type(layer) for layer in (*network.encoder, *network.decoder)]
    twice = [nn.BatchNorm2d, nn.ReLU] * 2
    return sum(kinds[k : k + 4] == twice for k in range(len(kinds)))


def drawing() -> Drawing:
    """All activations and their derivatives, Figure 2 of the assignment."""
    frame = on_grid(torch.linspace(-3, 3, 181, dtype=torch.float64), GROUPS)
    ada = frame["name"] == "ada_sgelu"
    frame.loc[ada, ["f", "derivative"]] *= ALPHA
    frame.loc[ada, "activation"] = "AdaSGELU, α = ½"
    return draw(
        curves(frame),
        frame,
        name="q11-curves",
        title="The activations and their derivatives",
        alt="Three columns. On the left GELU, Swish, Mish and ReLU stay near zero for negative inputs and "
        "rise for positive ones, and ELU falls to minus one. In the middle, SGELU and its kin rise on both "
        "sides like a parabola that straightens; their derivatives are odd, negative on the left and zero at "
        "the origin. On the right sigmoid and tanh rise between two limits, with bells for derivatives.",
    )


def values() -> Values:
    """Properties of every activation, facts and equations of GELU and SGELU, and the doubled layers."""
    return {
        "properties": properties(),
        "g": gelu_facts(),
        "s": sgelu_facts(),
        "algebra": outcome(identities()),
        "alpha": ALPHA,
        "rare": RARE,
        "confidence": CONFIDENCE,
        "doubled": doubled(),
        "activations": len(ACTIVATIONS),
        "drawing": drawing(),
    }


def errata(v: Values) -> list[Erratum]:
    """GELU left of 0, the rarity of what it lets through, and the layers printed twice; each if so."""
    g = v["g"]
    found = []
    if g["share"] > 0 and g["minimum"] < 0:
        found.append(
            Erratum(
                "q11-negative",
                11,
                "GELU only works for the positive values, and not the negatives.",
                "GELU is not zero for negative inputs: "
                rf"\(\mathrm{{GELU}}(-1) = {number(g['at_minus_one'])}\), with slope "
                rf"\({number(g['slope_at_minus_one'])}\), and its minimum is \({number(g['minimum'])}\) "
                rf"at \(x = {number(g['minimum_x'])}\).",
                f"Under standard normal inputs {percent(g['share'])} of the mean squared slope comes from "
                "negative ones; it is ReLU that has none there.",
            )
        )
    if g["density_left"] < g["density_middle"] and g["gate_left"] < g["gate_middle"]:
        found.append(
            Erratum(
                "q11-rare",
                11,
                "GELU allows more activation for the values which are rarer.",
                r"It passes a share \(\Phi(x)\) of the input, which grows with \(x\), not with rarity.",
                rf"At \(x = {number(-RARE, fixed=0)}\) and \(x = {number(RARE, fixed=0)}\), equally rare, "
                f"the shares are {percent(g['gate_left'])} and {percent(g['gate_right'])}; "
                f"the commonest input, 0, has {percent(g['gate_middle'])}.",
            )
        )
    if v["doubled"]:
        found.append(
            Erratum(
                "q11-doubled",
                11,
                "The encoder ends with BatchNorm2d(64) and the activation, and the decoder begins with both.",
                "The pair belongs there once: no layer with weights stands between the two.",
                f"Repetitions in the printed network: {v['doubled']}. An even activation then acts on what "
                "has already lost its sign. The network is trained here as printed.",
            )
        )
    return found


def evidence(snapshot: Snapshot) -> Values:
    """What the claims' verdicts rest on and why; None or empty where the snapshot lacks it."""
    return {
        "verdicts": [v for v in verdicts.of(snapshot) if v.claim.identifier in SHORT],
        "reasons": reasons(snapshot),
        "classifier": classifier(snapshot),
        "autoencoders": (found := [a for task in AUTOENCODERS if (a := autoencoder(snapshot, task))]),
        "absent": [name for name in AUTOENCODERS.values() if name not in {a["name"] for a in found}],
        "cost": cost(snapshot),
        "bandwidth": bandwidth(
            snapshot, "q11", {"SGELU": "sgelu", "AdaSGELU": "ada_sgelu", "F.gelu": "gelu"}
        ),
        "worth": worth_drawing(snapshot),
        "troubles": troubles(snapshot),
    }


ANSWER = Answer(
    "Two proposed activations",
    "What are SGELU and AdaSGELU, and are they better than GELU and ReLU?",
    values,
    errata,
    evidence,
)
