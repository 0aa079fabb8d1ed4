"""The process's global generators: kept as they were, and saved with a training."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

__all__ = ["generators_state", "global_generators_kept", "restore_generators"]


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


def generators_state() -> dict[str, Any]:
    """Returns the state of the global generators of `random`, numpy and torch, as plain arrays."""
    version, words, gauss = random.getstate()
    kind, key, position, has_gauss, cached = np.random.get_state()  # noqa: NPY002
    state = {
        "python": {"version": version, "words": np.array(words, np.uint64), "gauss": gauss},
        "numpy": {
            "kind": str(kind),
            "key": np.asarray(key),
            "position": int(position),
            "has_gauss": int(has_gauss),
            "gauss": float(cached),
        },
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def restore_generators(state: Mapping[str, Any]) -> None:
    """Puts the global generators where `generators_state` found them."""
    python, numpy = state["python"], state["numpy"]
    words = tuple(int(word) for word in python["words"])
    random.setstate((python["version"], words, python["gauss"]))
    np.random.set_state(  # noqa: NPY002
        (numpy["kind"], numpy["key"], numpy["position"], numpy["has_gauss"], numpy["gauss"])
    )
    torch.set_rng_state(state["torch"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])
