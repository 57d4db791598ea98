"""The performance gate."""

from bench.gate.verdicts import *
