"""Settings of the process that a compiler heeds."""

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch


@contextmanager
def torch_defaults() -> Iterator[None]:
    """Compile under torch's own settings, without gradients and warnings; restore the caller's settings.

    Compiling may happen at the first call of a function, under whatever settings a user has at that moment.
    The kernel stays, for this process and in torch's cache for others, so it must not depend on them. The
    random numbers of the caller, perhaps a training run, are left alone.

    The default dtype, anomaly mode and deterministic algorithms are those of all threads: another thread that
    reads them meanwhile reads torch's. The precision of matrix products stays, since no kernel has one.
    """
    dtype = torch.get_default_dtype()
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # the compilers', of torch's own calls
        stack.callback(torch.set_default_dtype, dtype)
        stack.callback(torch.use_deterministic_algorithms, deterministic, warn_only=warn_only)
        torch.set_default_dtype(torch.float32)
        torch.use_deterministic_algorithms(False)
        for context in (
            torch.random.fork_rng(devices=[]),
            torch.inference_mode(False),
            torch.no_grad(),
            torch.autograd.set_detect_anomaly(False),
            torch.autocast("cpu", enabled=False),
            torch.autocast("cuda", enabled=False),
            torch.device("cpu"),
        ):
            stack.enter_context(context)
        yield
