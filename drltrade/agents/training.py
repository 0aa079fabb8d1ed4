"""Trains one agent on one game with one seed, and returns its best policy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from drltrade.agents.card import PolicyCard
from drltrade.agents.checkpoint import Checkpoint
from drltrade.agents.logs import cut_log, open_log
from drltrade.agents.policy import Policy
from drltrade.agents.reward_scale import estimate_reward_scale
from drltrade.agents.seeding import global_generators_kept
from drltrade.agents.settings import AgentSettings
from drltrade.agents.start import check_start, prepare, start_card
from drltrade.agents.table import agent_of
from drltrade.agents.task import (
    AgentCode,
    Progress,
    Session,
    TrainResult,
    TrainTask,
    pick_device,
)
from drltrade.agents.threads import torch_threads
from drltrade.agents.watch import Score, Watch
from drltrade.errors import DrltradeError, UsageError

__all__ = ["train"]

_FEWEST_UPDATES = 32
_FEWEST_ACCOUNTS = 8
_MOST_BARS = 2**24  # the number of a bar travels as float32


def train(
    task: TrainTask,
    *,
    score: Score | None = None,
    progress: Callable[[Progress], None] | None = None,
    tell: Callable[[str], None] | None = None,
) -> TrainResult:
    """Trains an agent; the same task gives the same policy, bit for bit, on the same machine.

    The global generators of random, numpy and torch are left as they were. With a log folder
    TensorBoard scalars are written; `drltrade.agents.scalars` names them.

    Args:
        task: what to train, on what, for how long.
        score: how good a policy is, the higher the better, such as its validation log growth; or a
            mapping with that as `score`, and what else is to be written as `valid/<name>`. The
            policy it is given is live and valid during the call only. None keeps the last weights.
        progress: is told how far the training is, at most five times a second.
        tell: receives a few words on what became of the checkpoint, such as "resumed at 37 %".

    Returns:
        The best checkpoint by score, with the history of scores.

    Raises:
        UsageError: the agent cannot use the game's action scheme, the device is missing, or the
            checkpoint is of another training.
        DrltradeError: the weights diverged.
    """
    agent, game = agent_of(task.agent), task.game
    usable = agent.usable_schemes(game.market.assets)
    if game.scheme.name not in usable:
        raise UsageError(
            f"{task.agent.name} cannot use actions: {game.scheme.name} on"
            f" {game.market.assets} asset(s). It can use: {', '.join(usable)}."
        )
    device = pick_device(task.device)
    with global_generators_kept(), torch_threads(task.threads):
        return _train(task, agent.code(), device, score, progress, tell)


def _train(
    task: TrainTask,
    code: AgentCode,
    device: str,
    score: Score | None,
    progress: Callable[[Progress], None] | None,
    tell: Callable[[str], None] | None,
) -> TrainResult:
    game, settings = task.game, task.agent
    accounts = _accounts(settings, task.steps)
    rollout = accounts * settings.horizon
    total = -(-task.steps // rollout) * rollout
    scale = estimate_reward_scale(game)
    card = PolicyCard.of(
        game,
        settings.model_dump(mode="json"),
        reward_scale=scale,
        seed=task.seed,
        steps=total,
        accounts=accounts,
        start_from=start_card(task),
    )
    check_start(task, card)

    def build() -> Policy:
        network = code.build_network(settings, game.layout, game.action_space)
        return Policy(card, network, game.roots)

    with global_generators_kept():
        acting = build()  # what is trained sees bars by number, what is judged whole windows
    seed = int(np.random.SeedSequence(task.seed).generate_state(1)[0])
    checkpoint, saved = _checkpoint(task, card, tell)
    log = open_log(task.log_dir, settings.name)
    watch = Watch(total, task.evaluations, acting, score, progress, log, checkpoint)
    if saved is not None:
        watch.restore(saved["watch"])
    session = Session(
        settings=settings,
        game=game,
        accounts=accounts,
        seed=seed,
        steps=total,
        device=device,
        reward_scale=scale,
        watch=watch,
        log=log,
        saved=None if saved is None else saved["agent"],
        indexed=task.indexed and game.market.bars <= _MOST_BARS,
        prepare=lambda network, fresh: prepare(task, session, network, fresh),
    )
    watch.terms = lambda: session.env.batch.reward.terms
    try:
        network, steps = code.learn(session)
        watch.after_update(steps, network)
    except (ValueError, RuntimeError, DrltradeError) as error:
        # Whoever meets the first NaN complains in its own words: a distribution, the account.
        if watch.network is None or _is_finite(watch.network):
            raise
        raise _diverged(settings) from error
    finally:
        log.close()
    acting.network.load_state_dict(network.state_dict())
    return _result(acting, settings, steps, watch)


def _checkpoint(
    task: TrainTask, card: PolicyCard, tell: Callable[[str], None] | None
) -> tuple[Checkpoint, Any]:
    """Returns where the training is saved, and what was saved when it was interrupted."""
    owner = f"{card.model_dump_json()}, {task.evaluations} evaluations, freeze {task.freeze}"
    checkpoint = Checkpoint(task.checkpoint, task.checkpoint_seconds, owner, tell)
    saved = checkpoint.load()
    if task.checkpoint is not None:
        cut_log(task.log_dir, None if saved is None else saved["watch"]["log"])
    if saved is not None and tell is not None:
        tell(f"resumed at {saved['watch']['steps'] / card.steps:.0%}".replace("%", " %"))
    return checkpoint, saved


def _accounts(settings: AgentSettings, steps: int) -> int:
    """As many accounts as the settings say, or fewer, so that a short budget still has updates."""
    enough = steps // (settings.horizon * _FEWEST_UPDATES)
    return min(settings.accounts, max(enough, _FEWEST_ACCOUNTS))


def _result(policy: Policy, settings: AgentSettings, steps: int, watch: Watch) -> TrainResult:
    """Takes the best weights where there are scores, the last ones otherwise."""
    seconds, taken_at = watch.seconds, steps
    if watch.best_weights is not None:
        policy.network.load_state_dict(watch.best_weights)
        taken_at = watch.best_steps
    if not _is_finite(policy.network):
        raise _diverged(settings)
    policy.card = policy.card.model_copy(update={"steps": taken_at, "score": watch.best_score})
    return TrainResult(policy, watch.best_score, tuple(watch.history), steps, seconds)


def _is_finite(network: Any) -> bool:
    return all(bool(weight.isfinite().all()) for weight in network.state_dict().values())


def _diverged(settings: AgentSettings) -> DrltradeError:
    return DrltradeError(
        f"The weights of {settings.name} diverged to NaN at learning_rate"
        f" {settings.learning_rate:g}. Lower it, or check the features and the reward."
    )
