"""What tips a policy's choice, by integrated gradients; needs captum (the extra `explain`)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from drltrade.backtest.diagnostics.importance import column_groups, lag_groups
from drltrade.backtest.diagnostics.probe import make_probe
from drltrade.backtest.diagnostics.scores import Scores, scores_of
from drltrade.backtest.diagnostics.stage import Stage
from drltrade.backtest.record import Record
from drltrade.envs import Game
from drltrade.errors import UsageError

__all__ = ["integrated_gradients"]

STEPS = 32
"""Points on the way from the usual window to the one that was seen."""
_CHUNK = 4096  # windows that a gradient is kept of at once


def integrated_gradients(policy: Any, game: Game, record: Record) -> dict[str, Any] | None:
    """Shares what a policy decided by out among the columns of its windows.

    On the way from the mean window of the record to the one that was seen, the gradient of a score
    is summed; the parts of all columns add up to what the score has risen (Sundararajan, Taly & Yan
    2017, "Axiomatic attribution for deep networks"). The score of a choice is its logit or value
    above the mean of all choices, that of continuous actions their sum, each in the direction
    that it took. What the observation tells of the account is left as it was. Unlike permutation,
    which asks what changes the action, this asks what spoke for it.

    Args:
        policy: a trained policy of the library, without a memory.
        game: what it was backtested in.
        record: its record there.

    Returns:
        `columns`: each feature, over all assets and lags, with its share `score` of the sum of all
        absolute parts, a mean over observations; `lags` likewise, `lag` 0 the last bar. None where
        the policy never acted.

    Raises:
        UsageError: captum is missing, or there is no gradient to follow.
    """
    try:
        from captum.attr import IntegratedGradients
    except ImportError as error:
        raise UsageError(
            "Integrated gradients need captum, which is not installed:"
            " pip install 'drltrade[explain]'. Permutation importance needs nothing more."
        ) from error
    if not hasattr(policy, "network"):
        raise UsageError("Integrated gradients need a trained policy; this is none.")
    scores, choices = scores_of(policy.network)
    probe = make_probe(policy, Stage.of(policy, game, record))
    if probe is None:
        return None
    layout = game.layout
    device = next(policy.network.parameters()).device
    rows = torch.as_tensor(probe.seen, device=device)
    window, account = rows[:, : layout.window_size], rows[:, layout.window_size :]
    taken = _taken(scores, rows, choices)

    def score(window: Tensor, account: Tensor, taken: Tensor) -> Tensor:
        return _score(scores(torch.cat([window, account], dim=1)), taken, choices)

    with torch.backends.cudnn.flags(enabled=False):  # its recurrent layers learn in training alone
        parts = IntegratedGradients(score).attribute(
            window,
            baselines=window.mean(dim=0, keepdim=True),
            additional_forward_args=(account, taken),
            n_steps=STEPS,
            internal_batch_size=max(_CHUNK, len(window)),
        )
    size = np.abs(parts.detach().cpu().numpy().astype(np.float64)).mean(axis=0)
    share = size / size.sum() if size.sum() > 0.0 else size
    return {
        "columns": [
            {"name": name, "score": float(share[places].sum())}
            for name, places in column_groups(layout).items()
        ],
        "lags": [
            {"lag": first, "through": last, "score": float(share[places].sum())}
            for (first, last), places in lag_groups(layout).items()
        ],
    }


def _taken(scores: Scores, rows: Tensor, choices: bool) -> Tensor:
    """[B, ...] what was chosen: an index for each part, or the sign of each number."""
    with torch.no_grad():
        parts = scores(rows)
    if choices:
        return torch.stack([part.argmax(dim=1) for part in parts], dim=1)
    return torch.sign(parts[0])


def _score(parts: list[Tensor], taken: Tensor, choices: bool) -> Tensor:
    """[B] how much speaks for what was chosen."""
    if not choices:
        return (parts[0] * taken).sum(dim=1)
    found = [
        part.gather(1, taken[:, [at]])[:, 0] - part.mean(dim=1) for at, part in enumerate(parts)
    ]
    return torch.stack(found).sum(dim=0)
