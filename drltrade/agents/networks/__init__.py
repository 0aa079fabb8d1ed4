"""Torch modules that agents are built of: what reads a window, what decides, what takes steps."""

from drltrade.agents.networks.acting import ActingNetwork
from drltrade.agents.networks.encoders import ENCODERS, make_encoder
from drltrade.agents.networks.layers import ACTIVATIONS, initialise, perceptron
from drltrade.agents.networks.optimizers import OPTIMIZERS, optimizer_class
from drltrade.agents.networks.sight import Feed, Sight, sights

__all__ = [
    "ACTIVATIONS",
    "ENCODERS",
    "OPTIMIZERS",
    "ActingNetwork",
    "Feed",
    "Sight",
    "initialise",
    "make_encoder",
    "optimizer_class",
    "perceptron",
    "sights",
]
