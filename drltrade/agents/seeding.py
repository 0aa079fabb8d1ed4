"""Keeps the process's global generators as they were, whatever a library does to them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

__all__ = ["global_generators_kept"]


@contextmanager
def global_generators_kept() -> Iterator[None]:
    """Restores the global state of `random`, numpy and torch on leaving, also after an error.

    Stable-Baselines3 seeds all of them, and makes cuDNN deterministic; torch draws a network's
    first weights from its own. Inside this block they may, and outside nobody notices.
    """
    python_state = random.getstate()
    numpy_state = np.random.get_state()  # noqa: NPY002 - it is the global state that is kept
    torch_state = torch.get_rng_state()
    cuda_states = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else None
    cudnn = torch.backends.cudnn
    cudnn_state = (cudnn.deterministic, cudnn.benchmark)
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002
        torch.set_rng_state(torch_state)
        if cuda_states is not None:
            torch.cuda.set_rng_state_all(cuda_states)
        cudnn.deterministic, cudnn.benchmark = cudnn_state
