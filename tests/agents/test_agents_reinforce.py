"""REINFORCE's arithmetic, by hand."""

import numpy as np
import pytest
import torch
from gymnasium import spaces

from drltrade.agents import AGENTS
from drltrade.agents.reinforce import build_network, returns_to_go
from drltrade.envs.layout import Layout

SETTINGS = AGENTS["reinforce"].settings()
THREE = Layout(1, ("A",), ("x", "y"))


def test_returns_stop_at_a_ruin_and_borrow_from_the_baseline_at_a_cut():
    # Account 0 goes on; account 1 is ruined at the second step; account 2 runs out of data there.
    rewards = np.array([[1, 1, 1], [2, 2, 2], [4, 4, 4]], np.float32)
    cut = np.array([[0, 0, 0], [0, 1, 1], [0, 0, 0]], bool)
    beyond = np.array([[0, 0, 0], [0, 0, 8], [0, 0, 0]], np.float32)
    future = np.array([16, 16, 16], np.float32)
    got = returns_to_go(rewards, cut, beyond, future, gamma=0.5)
    # Last row: 4 + 16/2 = 12. Second: 2 + 12/2 = 8; 2 + 0; 2 + 8/2 = 6. First: 1 + half of that.
    assert got.tolist() == [[5, 2, 4], [8, 2, 6], [12, 12, 12]]


def test_the_gaussian_head_has_the_density_of_the_normal_law():
    space = spaces.Box(-1, 1, (2,), np.float32)
    network = build_network(SETTINGS, THREE, space)
    observation, action = torch.zeros(1, 3), torch.tensor([[0.5, -1.0]])
    # At zero every layer gives zero, so the mean is 0; the deviation is exp(log_std_init) = 1.
    log_prob, entropy = network.log_prob(network.sight(observation), action)
    log_2pi = np.log(2 * np.pi)
    assert log_prob.item() == pytest.approx(-(0.25 + 1) / 2 - log_2pi, rel=1e-6)
    assert entropy.item() == pytest.approx(1 + log_2pi, rel=1e-6)


def test_levels_of_several_assets_multiply_their_probabilities():
    network = build_network(SETTINGS, THREE, spaces.MultiDiscrete([3, 2]))
    log_prob, entropy = network.log_prob(network.sight(torch.zeros(1, 3)), torch.tensor([[2, 0]]))
    assert log_prob.item() == pytest.approx(-np.log(6), rel=1e-6)
    assert entropy.item() == pytest.approx(np.log(6), rel=1e-6)


def test_actions_stay_inside_the_box():
    space = spaces.Box(-1, 1, (2,), np.float32)
    network = build_network(SETTINGS, THREE, space)
    many = np.zeros((1000, 3), np.float32)
    actions, _ = network.predict(many, deterministic=False)
    assert actions.dtype == np.float32
    assert np.abs(actions).max() == 1.0
    assert space.contains(actions[0])
