"""Pre-trains an encoder as an autoencoder: to keep what it takes to rebuild the window.

Hinton & Salakhutdinov 2006, "Reducing the dimensionality of data with neural networks", Science
313. Windows of the train split alone are read, and neither rewards nor actions: what is learnt is
the shape of the market's past, for agents whose rewards are too noisy to teach it.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from drltrade.agents.networks import Sight, perceptron, sights
from drltrade.agents.task import Session

__all__ = ["pretrain_encoder", "reconstruction_loss"]

_BATCH = 256
_RATE = 1e-3


def pretrain_encoder(network: nn.Module, session: Session, epochs: int) -> list[float]:
    """Trains the network's encoders, all alike, before the first account-step.

    Draws come from torch's global generator, which is the training's own. Logged as
    `pretrain/loss`: the mean squared error of a rebuilt feature, in scaled units.

    Args:
        network: holds one `Sight` or several; each is given the same weights.
        session: the training; its game's stretches are the windows that are read.
        epochs: passes over the windows.

    Returns:
        The mean loss of each pass.
    """
    every = list(sights(network))
    first = every[0]
    bars = torch.from_numpy(
        np.concatenate([np.arange(start, end + 1) for start, end in session.game.stretches])
    ).to(session.device)
    hidden = (max(first.encoder_size, 32),)
    decoder = perceptron(first.encoder_size, hidden, first.window * first.columns)
    decoder.to(session.device)
    weights = [*first.encoder.parameters(), *decoder.parameters()]
    optimizer = torch.optim.Adam(weights, lr=_RATE)
    losses, mode = [], first.training
    first.train()
    for epoch in range(epochs):
        total = 0.0
        for part in torch.split(bars[torch.randperm(len(bars)).to(bars.device)], _BATCH):
            loss = reconstruction_loss(first, decoder, session.feed.windows(part, first.window))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.item() * len(part)
        losses.append(total / len(bars))
        session.log.record("pretrain/loss", losses[-1])
        session.log.dump(step=epoch - epochs)  # before the first account-step
    first.train(mode)
    for other in every[1:]:
        other.encoder.load_state_dict(first.encoder.state_dict())
    return losses


def reconstruction_loss(sight: Sight, decoder: nn.Module, windows: Tensor) -> Tensor:
    """Returns the mean squared error of windows [B, W, C] that went through the code and back."""
    rebuilt = decoder(sight.encoder(windows))
    return (rebuilt - windows.flatten(1)).square().mean()
