from bench.api import load as load
from bench.api import run as run
