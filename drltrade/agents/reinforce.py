"""REINFORCE with a learned baseline, over many accounts at once.

The policy gradient theorem in its oldest form (Williams 1992, "Simple statistical
gradient-following algorithms for connectionist reinforcement learning"):

    grad J = E[ sum_t  grad log pi(a_t | s_t) * (G_t - b(s_t)) ]
    G_t    = r_{t+1} + gamma * G_{t+1}

The baseline b is fitted to the returns by least squares; it lowers the variance and moves no
expectation. Where the rollout, or an episode that the data cut off, ends before the rewards do,
the baseline stands in for what is missing; after a ruin there is nothing more to come:

    G_H = b(s_H)  at a cut,   G_H = 0  at a ruin
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.distributions import Categorical, Independent, Normal

from drltrade.agents.networks import ActingNetwork, Sight, optimizer_class, perceptron
from drltrade.agents.seeding import generators_state, restore_generators
from drltrade.agents.settings import ReinforceSettings
from drltrade.agents.task import Session
from drltrade.envs.layout import Layout

__all__ = ["Network", "build_network", "learn", "returns_to_go"]


class Network(ActingNetwork):
    """The policy pi and the baseline b, two perceptrons on what one encoder sees.

    The head is categorical for a list of choices, one categorical for each asset for levels of
    several assets, and a diagonal Gaussian for continuous actions.
    """

    def __init__(
        self, settings: ReinforceSettings, layout: Layout, action_space: spaces.Space[Any]
    ) -> None:
        super().__init__()
        self._space = action_space
        self._choices: tuple[int, ...] = ()
        if isinstance(action_space, spaces.Discrete):
            self._choices = (int(action_space.n),)
        elif isinstance(action_space, spaces.MultiDiscrete):
            self._choices = tuple(int(n) for n in action_space.nvec)
        outputs = sum(self._choices) or int(np.prod(action_space.shape or ()))
        self.sight = Sight(layout, settings.encoder, settings.init)
        shape: dict[str, Any] = {"activation": settings.activation, "init": settings.init}
        # A small last layer makes the first policy almost uniform.
        self.policy = perceptron(self.sight.size, settings.layers, outputs, gain=0.01, **shape)
        self.baseline = perceptron(self.sight.size, settings.layers, 1, **shape)
        if not self._choices:
            self.log_std = nn.Parameter(torch.full((outputs,), settings.log_std_init))

    def heads(self, seen: Tensor) -> list[Any]:
        """Returns the distributions whose product is pi(. | what is seen)."""
        out = self.policy(seen)  # [B, outputs]
        if not self._choices:
            return [Independent(Normal(out, self.log_std.exp(), validate_args=False), 1)]
        parts = torch.split(out, list(self._choices), dim=1)
        return [Categorical(logits=part, validate_args=False) for part in parts]

    def log_prob(self, seen: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Returns log pi(action | what is seen) and the entropy of pi, each [B]."""
        heads = self.heads(seen)
        if not self._choices:
            return heads[0].log_prob(action), heads[0].entropy()
        log_probs = [head.log_prob(action[:, i]) for i, head in enumerate(heads)]
        entropies = [head.entropy() for head in heads]
        return torch.stack(log_probs).sum(0), torch.stack(entropies).sum(0)

    def sample(self, observation: Tensor, deterministic: bool) -> Tensor:
        """Draws actions [B, K], or takes the likeliest."""
        heads = self.heads(self.sight(observation))
        actions = [head.mode if deterministic else head.sample() for head in heads]
        return torch.stack(actions, dim=1) if self._choices else actions[0]

    def as_action(self, sample: Tensor) -> NDArray[Any]:
        """Turns samples [B, K] into actions of the action space, inside its bounds."""
        actions = sample.cpu().numpy()
        if isinstance(self._space, spaces.Box):
            actions = np.clip(actions, self._space.low.ravel(), self._space.high.ravel())
            return actions.astype(np.float32).reshape(-1, *self._space.shape)
        return actions[:, 0] if isinstance(self._space, spaces.Discrete) else actions

    def act(self, rows: Tensor, deterministic: bool) -> NDArray[Any]:
        """Draws actions, or takes the likeliest."""
        return self.as_action(self.sample(rows, deterministic))


def build_network(
    settings: ReinforceSettings, layout: Layout, action_space: spaces.Space[Any]
) -> Network:
    """Builds an untrained network."""
    return Network(settings, layout, action_space)


def learn(session: Session) -> tuple[Network, int]:
    """Trains a fresh network; returns it with the account-steps done."""
    settings: ReinforceSettings = session.settings
    torch.manual_seed(session.seed)
    env = session.env
    env.seed(session.seed)
    network = build_network(settings, session.layout, env.action_space).to(session.device)
    network.eval()
    session.begin(network)
    build = optimizer_class(settings.optimizer, settings.max_grad_norm)
    optimizer = build(network.parameters(), lr=settings.learning_rate)
    observation, steps = env.reset(), 0

    def state() -> dict[str, Any]:
        return {
            "network": network.state_dict(),
            "optimizer": optimizer.state_dict(),
            "env": env.state(),
            "steps": steps,
            "generators": generators_state(),
        }

    if session.saved is not None:
        network.load_state_dict(session.saved["network"])
        optimizer.load_state_dict(session.saved["optimizer"])
        env.restore(session.saved["env"])
        observation, steps = env.batch.observations, session.saved["steps"]
        restore_generators(session.saved["generators"])
    while steps < session.steps:
        if settings.schedule == "linear":
            optimizer.param_groups[0]["lr"] = settings.learning_rate * (1 - steps / session.steps)
        rollout, observation = _collect(network, env, observation, settings, session.log)
        _update(network, optimizer, rollout, settings, session.log)
        steps += env.num_envs * settings.n_steps
        session.watch.after_update(steps, network, state)
    return network, steps


def _collect(
    network: Network,
    env: Any,
    observation: NDArray[np.float32],
    settings: ReinforceSettings,
    log: Any,
) -> tuple[tuple[Tensor, Tensor, Tensor], NDArray[np.float32]]:
    """Steps all accounts n_steps bars.

    Returns:
        Observations [H*B, D], actions [H*B, K] and returns G [H*B]; and the next observation.
    """
    device = network.device
    horizon, accounts = settings.n_steps, env.num_envs
    observations = torch.empty((horizon, accounts, observation.shape[1]), device=device)
    rewards = np.zeros((horizon, accounts), np.float32)
    cut = np.zeros((horizon, accounts), bool)
    beyond = np.zeros((horizon, accounts), np.float32)  # b(s) where an episode was cut off
    actions, earned = [], []
    for t in range(horizon):
        observations[t] = torch.from_numpy(observation)
        with torch.no_grad():
            actions.append(network.sample(observations[t], deterministic=False))
        observation, rewards[t], cut[t], infos = env.step(network.as_action(actions[-1]))
        ended = np.flatnonzero(cut[t])
        earned += [infos[i]["episode"]["r"] for i in ended]
        by_data = [i for i in ended if infos[i]["TimeLimit.truncated"]]
        if by_data:
            last = np.stack([infos[i]["terminal_observation"] for i in by_data])
            beyond[t, by_data] = _baseline(network, last)
    if earned:
        log.record("rollout/ep_rew_mean", float(np.mean(earned)))
    future = _baseline(network, observation)
    returns = returns_to_go(rewards, cut, beyond, future, settings.gamma)
    targets = torch.as_tensor(returns.ravel(), device=device)
    return (observations.flatten(0, 1), torch.cat(actions), targets), observation


def returns_to_go(
    rewards: NDArray[np.float32],
    cut: NDArray[np.bool_],
    beyond: NDArray[np.float32],
    future: NDArray[np.float32],
    gamma: float,
) -> NDArray[np.float32]:
    """Computes G_t = r_{t+1} + gamma * G_{t+1} from the end of a rollout to its beginning.

    Args:
        rewards: [H, B] what each step earned.
        cut: [H, B] whether an episode ended with that step.
        beyond: [H, B] what stands in for the rest of an episode that ended: b(s), or 0 at a ruin.
        future: [B] b(s) of the observations after the rollout.
        gamma: the discount.

    Returns:
        [H, B] returns.
    """
    returns = np.empty_like(rewards)
    for t in reversed(range(len(rewards))):
        future = rewards[t] + gamma * np.where(cut[t], beyond[t], future)
        returns[t] = future
    return returns


def _baseline(network: Network, observation: NDArray[np.float32]) -> NDArray[np.float32]:
    with torch.no_grad():
        rows = torch.as_tensor(observation, device=network.device)
        return network.baseline(network.sight(rows))[:, 0].cpu().numpy()


def _update(
    network: Network,
    optimizer: torch.optim.Optimizer,
    rollout: tuple[Tensor, Tensor, Tensor],
    settings: ReinforceSettings,
    log: Any,
) -> None:
    """One step along the gradient of the formula at the top of this file."""
    observations, actions, returns = rollout
    network.train()
    seen = network.sight(observations)
    log_prob, entropy = network.log_prob(seen, actions)
    baseline = network.baseline(seen)[:, 0]
    advantage = (returns - baseline).detach()
    # Dividing by the spread changes the length of the step, not its direction.
    advantage = advantage / (advantage.std() + 1e-8)
    policy_loss = -(log_prob * advantage).mean()
    baseline_loss = (returns - baseline).square().mean()
    bonus = entropy.mean()
    loss = policy_loss + settings.baseline_coef * baseline_loss - settings.ent_coef * bonus
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    network.eval()
    log.record("train/policy_loss", policy_loss.item())
    log.record("train/value_loss", baseline_loss.item())
    log.record("train/entropy", bonus.item())
    log.record("train/learning_rate", optimizer.param_groups[0]["lr"])
