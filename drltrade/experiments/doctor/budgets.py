"""How long the doctor trains each agent, and what share of the optimum it must reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drltrade.agents import AgentSettings

__all__ = ["BUDGETS", "FOREIGN", "OFF_POLICY", "ON_POLICY", "QUICK_SLACK", "Budget", "budget_of"]

QUICK_SLACK = 0.05
"""By how much `--quick` lowers the marks, for the steps that it leaves out."""


@dataclass(frozen=True)
class Budget:
    """What one agent is given on one market, and what it owes for it.

    Attributes:
        steps: account-steps.
        quick: account-steps of `--quick`.
        mark: share of the optimum where skill exists.
        why: the reason for the steps.
    """

    steps: int
    quick: int
    mark: float
    why: str


_ROLLOUTS = "uses each step once or twice; some 20 to 150 updates of thousands of steps each"
_REPLAY = "uses each step many times: an update for every hundred steps or so"
_NOISY = "its gradient is noisy, so that thresholds settle late"
_BOX = "has to find the two ends of a continuous range, and copy its position in between"

BUDGETS: Mapping[str, Budget] = {
    "direct": Budget(1_500_000, 300_000, 0.97, "uses each step once, and costs little for it"),
    "cfq": Budget(300_000, 200_000, 0.97, "learns from the outcomes of all actions at once"),
    "ppo": Budget(300_000, 200_000, 0.96, _ROLLOUTS),
    "a2c": Budget(300_000, 200_000, 0.96, _ROLLOUTS),
    "trpo": Budget(300_000, 200_000, 0.96, _ROLLOUTS),
    "qrdqn": Budget(100_000, 60_000, 0.96, _REPLAY),
    "dqn": Budget(100_000, 60_000, 0.93, _REPLAY),
    "sac": Budget(200_000, 100_000, 0.93, _BOX),
    "td3": Budget(200_000, 100_000, 0.93, _BOX),
    "tqc": Budget(200_000, 100_000, 0.93, _BOX),
    "crossq": Budget(200_000, 100_000, 0.93, _BOX),
    "recurrent_ppo": Budget(300_000, 200_000, 0.93, _ROLLOUTS),
    "reinforce": Budget(500_000, 300_000, 0.90, _NOISY),
    "ddpg": Budget(200_000, 100_000, 0.90, _BOX),
    "ars": Budget(3_000_000, 1_500_000, 0.90, "tries directions blindly, each on whole episodes"),
}
"""Steps after which the agent with its default settings has reached its mark on every market with
skill, with some to spare (`drltrade doctor AGENT --seeds 3` shows it)."""

ON_POLICY = Budget(300_000, 200_000, 0.90, "as the shipped agents that learn from rollouts")
OFF_POLICY = Budget(100_000, 60_000, 0.90, "as the shipped agents that learn from a replay")
FOREIGN = (ON_POLICY, OFF_POLICY)
"""Budgets of agents that are not in the table: a user's own."""


def budget_of(settings: AgentSettings) -> Budget:
    """Returns an agent's line of the table, or the one for agents of its kind."""
    if settings.name in BUDGETS:
        return BUDGETS[settings.name]
    return OFF_POLICY if hasattr(settings, "buffer_size") else ON_POLICY
