"""Question 11: the two proposed activations, SGELU and AdaSGELU, against GELU and the others."""

import torch
from torch import nn

from bench.statistics import CONFIDENCE
from bench.store import Snapshot
from impl.activations.registry import ACTIVATIONS
from impl.models import ConvAutoencoder
from report.algebra.identities import outcome
from report.answers.cost import worth_svg
from report.answers.proposed import told
from report.answers.q11.algebra import identities
from report.answers.q11.autoencoders import autoencoder, cost, troubles
from report.answers.q11.evidence import classifier
from report.answers.q11.gaussian import RARE, gelu_facts, parity, properties, sgelu_facts
from report.answers.q11.horizons import advantages_figure, sensitivity_figure
from report.answers.q11.reasons import alpha_figure, initial_rows
from report.answers.q11.signal import facts
from report.document.answer import Answer, Values
from report.document.formats import number, percent
from report.document.labels import label
from report.document.page import WRONG_REASONING, WRONG_RESULT, Erratum
from report.document.phrases import listed
from report.evidence.activation_runs import AUTOENCODERS
from report.figures.activations import curves, on_grid
from report.figures.svg import SvgFigure, svg_figure

SHORT = ("classifier with batch norm", "fully connected autoencoder")  # networks of the short answer
ALPHA = 0.5  # of AdaSGELU in the figure; at 1 it is SGELU
BOUND = 10.0  # on |f| far from 0


def groups() -> dict[str, list[str]]:
    """Group the activations by their shape, few enough in a panel to tell them apart."""
    ends = torch.tensor([-1e3, 1e3], dtype=torch.float64)
    by_shape: dict[str, list[str]] = {"keep the positive side": [], "even": [], "bounded": []}
    for name, entry in ACTIVATIONS.items():
        bounded = float(entry.f(ends).abs().max()) < BOUND
        shape = "bounded" if bounded else "even" if parity(entry.f) == "even" else "keep the positive side"
        by_shape[shape].append(name)
    return by_shape


def doubled() -> int:
    """Count how often a pair of batch norm and activation directly follows another, as printed."""
    network = ConvAutoencoder(nn.ReLU)
    kinds = [type(layer) for layer in (*network.encoder, *network.decoder)]
    twice = [nn.BatchNorm2d, nn.ReLU] * 2
    return sum(kinds[k : k + 4] == twice for k in range(len(kinds)))


def figure() -> SvgFigure:
    """Return the figure of all activations and their derivatives, Figure 2 of the assignment."""
    by_shape = groups()
    frame = on_grid(torch.linspace(-3, 3, 181, dtype=torch.float64), by_shape)
    ada = frame["name"] == "ada_sgelu"
    frame.loc[ada, ["f", "derivative"]] *= ALPHA
    frame.loc[ada, "activation"] = "AdaSGELU, α = ½"
    names = {shape: listed(map(label, group)) for shape, group in by_shape.items()}
    return svg_figure(
        curves(frame),
        frame,
        name="q11-curves",
        title="The activations and their derivatives",
        alt=f"Three columns. On the left {names['keep the positive side']} rise for positive inputs; for "
        "negative ones ELU falls to minus one and the others stay near zero. In the middle, "
        f"{names['even']} rise on both sides like a parabola that straightens; their derivatives are odd, "
        f"negative on the left and zero at the origin. On the right {names['bounded']} rise between two "
        "limits, with bells for derivatives.",
    )


def values() -> Values:
    """Compute properties of every activation, equations of GELU and SGELU, and the doubled layers."""
    return {
        "properties": properties(),
        "g": gelu_facts(),
        "s": sgelu_facts(),
        "algebra": outcome(identities()),
        "alpha": ALPHA,
        "rare": RARE,
        "confidence": CONFIDENCE,
        "doubled": doubled(),
        "curves": figure(),
        "signal": facts(),
    }


def errata(v: Values) -> list[Erratum]:
    """Return the errata on GELU left of 0, on rarity, and on doubled layers, each if its check finds it."""
    g = v["g"]
    entries = []
    if g["share"] > 0 and g["minimum"] < 0:
        entries.append(
            Erratum(
                "q11-negative",
                11,
                WRONG_REASONING,
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
        entries.append(
            Erratum(
                "q11-rare",
                11,
                WRONG_REASONING,
                "GELU allows more activation for the values which are rarer.",
                r"It passes a share \(\Phi(x)\) of the input, which grows with \(x\), not with rarity.",
                rf"At \(x = {number(-RARE, fixed=0)}\) and \(x = {number(RARE, fixed=0)}\), equally rare, "
                f"the shares are {percent(g['gate_left'])} and {percent(g['gate_right'])}; "
                f"the commonest input, 0, has {percent(g['gate_middle'])}.",
            )
        )
    if v["doubled"]:
        entries.append(
            Erratum(
                "q11-doubled",
                11,
                WRONG_RESULT,
                "The encoder ends with BatchNorm2d(64) and the activation, and the decoder begins with both.",
                "The pair belongs there once: no layer with weights stands between the two.",
                "An even activation applied twice acts on what has already lost its sign. The network is "
                "trained here as printed.",
            )
        )
    return entries


def evidence(snapshot: Snapshot) -> Values:
    """Return the results of the networks and the times; None or empty where missing."""
    sentences = [told(snapshot, words, sure=True) for words in SHORT]
    return {
        "told": " ".join(filter(None, sentences)),
        "alphas": alpha_figure(snapshot),
        "initial": initial_rows(snapshot),
        "classifier": classifier(snapshot),
        "horizons": advantages_figure(snapshot),
        "by_rate": sensitivity_figure(snapshot),
        "autoencoders": (networks := [a for task in AUTOENCODERS if (a := autoencoder(snapshot, task))]),
        "absent": [name for name in AUTOENCODERS.values() if name not in {a["name"] for a in networks}],
        "cost": cost(snapshot),
        "worth": worth_svg(snapshot),
        "troubles": troubles(snapshot),
    }


ANSWER = Answer(
    "Two proposed activations",
    "What are SGELU and AdaSGELU, and are they better than GELU and ReLU?",
    values,
    errata,
    evidence,
)
