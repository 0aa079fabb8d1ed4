"""Optimisers by name, each with L1, L2 and a cut of the gradient's length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop

from drltrade.agents.settings import OptimizerSettings

__all__ = ["OPTIMIZERS", "optimizer_class"]

OPTIMIZERS: dict[str, tuple[type[Optimizer], Callable[[OptimizerSettings], dict[str, Any]]]] = {
    "sgd": (SGD, lambda chosen: {}),
    "momentum": (SGD, lambda chosen: {"momentum": chosen.momentum}),
    "rmsprop": (RMSprop, lambda chosen: {}),
    "adagrad": (Adagrad, lambda chosen: {}),
    "adam": (Adam, lambda chosen: {"betas": (chosen.momentum, 0.999)}),
    "adamw": (AdamW, lambda chosen: {"betas": (chosen.momentum, 0.999)}),
}
"""Torch's class and what it is built with, by name."""


def optimizer_class(settings: OptimizerSettings, longest: float) -> Callable[..., Optimizer]:
    """Returns what builds the optimiser, called as torch's own: `(parameters, lr=...)`.

    Every step first cuts the gradient to `longest`, over all weights together, and then adds the
    pull of L1 to it: so a large loss cannot drown the penalty.

    Args:
        settings: which rule, with its penalties.
        longest: the gradient's greatest length; infinity cuts nothing.
    """
    kind, keywords = OPTIMIZERS[settings.name]
    chosen = keywords(settings) | {"weight_decay": settings.l2}

    def cut(optimizer: Optimizer, *_: Any) -> None:
        weights = [w for group in optimizer.param_groups for w in group["params"]]
        weights = [w for w in weights if w.grad is not None]
        if longest < float("inf"):
            nn.utils.clip_grad_norm_(weights, longest)
        if settings.l1:
            with torch.no_grad():
                for weight in weights:
                    weight.grad.add_(weight.sign(), alpha=settings.l1)

    def build(parameters: Any, lr: float = 1e-3, **further: Any) -> Optimizer:
        optimizer = kind(parameters, lr=lr, **(chosen | further))  # type: ignore[call-arg]
        if longest < float("inf") or settings.l1:
            optimizer.register_step_pre_hook(cut)
        return optimizer

    return build
