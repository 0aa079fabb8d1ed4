"""An agent of one's own: climbs a hill of policies, one random step after the other.

    drltrade train --agent agents/climber.py:Climber
    drltrade doctor agents/climber.py:Climber

An agent is one file: its settings, here `Climber`, and two functions, `build_network` and `learn`.
"""

from typing import Any

import torch
from pydantic import Field

from drltrade.agents import AgentSettings
from drltrade.agents.networks import ActingNetwork, Sight
from drltrade.agents.seeding import generators_state, restore_generators


class Climber(AgentSettings):
    """Random hill climbing on a linear policy (after Matyas 1965)."""

    accounts: int = 256
    """Simulated traders stepped at once."""
    bars: int = Field(64, ge=1)
    """Bars on which the policy and its neighbour are compared."""
    step: float = Field(0.3, gt=0)
    """How far the neighbour is, in standard deviations of its weights."""

    @property
    def horizon(self) -> int:
        """Bars that each account is stepped between two updates: twice, once for each policy."""
        return 2 * self.bars


def usable_schemes(assets: int) -> tuple[str, ...]:
    """It picks one action from a list."""
    return ("levels", "choices") if assets == 1 else ("choices",)


class Network(ActingNetwork):
    """What is seen, times a matrix: the largest number is the action."""

    def __init__(self, settings: Climber, layout: Any, actions: int) -> None:
        super().__init__()
        self.sight = Sight(layout, settings.encoder, settings.init)
        self.choose = torch.nn.Linear(self.sight.size, actions)
        torch.nn.init.zeros_(self.choose.weight)

    def act(self, rows, deterministic):
        """Takes the actions [B] of the largest numbers."""
        return self.choose(self.sight(rows)).argmax(1).numpy()


def build_network(settings, layout, action_space):
    """Builds an untrained network."""
    return Network(settings, layout, int(action_space.n))


def learn(session):
    """Trains a fresh network; returns it with the account-steps done."""
    settings, env = session.settings, session.env
    torch.manual_seed(session.seed)
    network = build_network(settings, session.layout, env.action_space)
    session.begin(network)
    steps = 0
    env.reset()

    def state():
        """All that it takes to go on from here after an interruption."""
        return {
            "network": network.state_dict(),
            "env": env.state(),
            "steps": steps,
            "generators": generators_state(),
        }

    if session.saved is not None:
        network.load_state_dict(session.saved["network"])
        env.restore(session.saved["env"])
        steps = session.saved["steps"]
        restore_generators(session.saved["generators"])
    while steps < session.steps:
        here = {name: weight.clone() for name, weight in network.state_dict().items()}
        begin = env.state()
        earned = _earn(network, env, settings.bars)
        with torch.no_grad():
            for weight in network.choose.parameters():
                weight += settings.step * torch.randn_like(weight)
        env.restore(begin)  # the neighbour plays the same bars
        if _earn(network, env, settings.bars) <= earned:
            network.load_state_dict(here)
        session.log.record("train/earned", earned)
        steps += settings.horizon * env.num_envs
        session.watch.after_update(steps, network, state)
    return network, steps


def _earn(network, env, bars):
    """Mean reward a bar over all accounts."""
    observation, total = env.batch.observations, 0.0
    for _ in range(bars):
        observation, rewards, _, _ = env.step(network.predict(observation)[0])
        total += float(rewards.mean())
    return total / bars
