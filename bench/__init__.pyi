from bench.api import run as run
from bench.store import load as load
