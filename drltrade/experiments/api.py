"""What Python users call: train one agent, backtest anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from drltrade.config import parse
from drltrade.errors import UsageError
from drltrade.experiments.settings import SplitSettings
from drltrade.experiments.splits import Fold, resolve_folds

if TYPE_CHECKING:
    from drltrade.agents import AgentSettings, Ensemble, Policy, Progress
    from drltrade.agents.strategies import BarStrategy, Strategy
    from drltrade.backtest import Record
    from drltrade.envs import EnvSettings, Game

__all__ = ["Trained", "backtest", "train"]


@dataclass(frozen=True, eq=False, repr=False)
class Trained:
    """What `train` gives back.

    Attributes:
        policy: the best checkpoint by validation score.
        score: its validation score, a Sharpe ratio.
        history: (steps, score) of each checkpoint.
        fold: the bars that it learnt from, was chosen by and is tested on.
        test: the policy's record on the test interval.
    """

    policy: Policy
    score: float | None
    history: tuple[tuple[int, float], ...]
    fold: Fold
    test: Record

    def __repr__(self) -> str:
        return f"<Trained {self.policy!r}, validation score {self.score}, test {self.test!r}>"


def train(
    env: str | Path | Mapping[str, Any] | EnvSettings | Game = "sample",
    agent: str | Path | Mapping[str, Any] | AgentSettings = "ppo",
    *,
    steps: int = 100_000,
    seed: int = 0,
    splits: Mapping[str, Any] | None = None,
    evaluations: int = 10,
    device: str = "auto",
    progress: Callable[[Progress], None] | None = None,
    **overrides: Any,
) -> Trained:
    """Trains one agent with one seed in this process; nothing is written.

    Args:
        env: `sample`, the name of a file in `envs/`, a YAML file, a mapping, settings or a game.
        agent: a name, a YAML file, a mapping or settings.
        steps: account-steps to train for.
        seed: the one number that all randomness comes from.
        splits: `{"train": [from, to], "valid": ..., "test": ...}`, or shares of the bars; by
            default .6, .2 and .2 in order of time.
        evaluations: checkpoints that are scored on the validation interval.
        device: auto, cpu or cuda.
        progress: is told how far the training is.
        overrides: the environment's settings to replace, such as `window=32`; `reward` may be a
            function of a Step and `data` a Market.

    Raises:
        UsageError: a name or a setting is wrong, or the agent cannot play the environment.

    Example:
        >>> trained = train("sample", "ppo", steps=2_000, window=4)
        >>> trained.test.symbols
        ('AAPL',)
    """
    from drltrade.agents import TrainTask, agent_of, parse_agent
    from drltrade.agents import train as learn
    from drltrade.backtest import run_backtest
    from drltrade.envs import build_game
    from drltrade.experiments.backtests import run_policy
    from drltrade.experiments.training import one_thread, validation_score

    plain = _game(env, overrides)
    settings = parse_agent(agent, plain.roots)
    folds = resolve_folds(parse(SplitSettings, dict(splits or {}), "splits"), plain.market)
    if len(folds) > 1:
        raise UsageError(
            f"These splits are {len(folds)} folds, each with a policy of its own; train() gives"
            " one. Name train, valid and test, or call drltrade.experiments.run_experiment."
        )
    (fold,) = folds
    game = build_game(
        plain.settings,
        market=plain.market,
        roots=plain.roots,
        usable=agent_of(settings).usable_schemes(plain.market.assets),
        during=fold.intervals("train"),
        reward=plain.reward,
    )
    valid = game.during(fold.intervals("valid"))
    task = TrainTask(game, settings, seed, steps, device=device, evaluations=evaluations)
    with one_thread():
        result = learn(
            task,
            score=lambda policy: validation_score(run_backtest(policy, valid)),
            progress=progress,
        )
    result.policy.chosen_on(valid)
    test = game.during(fold.intervals("test"))
    record = run_policy(result.policy, test, f"{settings.name} seed {seed}")
    return Trained(result.policy, result.best_score, result.history, fold, record)


def backtest(
    actor: str | Path | Policy | Ensemble | Strategy | BarStrategy,
    env: str | Path | Mapping[str, Any] | EnvSettings | Game | None = None,
    *,
    start: str | None = None,
    end: str | None = None,
    **overrides: Any,
) -> Record:
    """Rolls a strategy or a policy through historical bars, once.

    Args:
        actor: the name of a strategy or of a reference (`hindsight`), `path.py:Name`, a strategy
            object, a policy, an `Ensemble` of policies, a run folder, or `mean:RUN`, `rotate:RUN`.
        env: as for `train`; by default the sample for a strategy and, for a policy, the
            environment that it was trained in.
        start: first date; by default the first bar or, for a policy on bars that it was trained or
            chosen on, the first bar after those.
        end: last date, inclusive.
        overrides: the environment's settings to replace, as for `train`.

    Raises:
        UsageError: there is no such actor, or something set does not fit it.

    Example:
        >>> record = backtest("buy_and_hold", "sample", fill="next_close", start="2011")
        >>> len(record.stamps)
        543
    """
    from drltrade.agents import Ensemble, Policy
    from drltrade.agents.strategies import BY_NAME
    from drltrade.agents.strategies.plugin import check_strategy
    from drltrade.experiments.backtests import policy_of, run_policy, run_strategy
    from drltrade.experiments.ensembles import ensemble_of, is_ensemble, run_ensemble
    from drltrade.plugins import is_plugin

    if isinstance(actor, str | Path) and not (is_plugin(str(actor)) or str(actor) in BY_NAME):
        actor = ensemble_of(str(actor)) if is_ensemble(str(actor)) else policy_of(str(actor))
    if isinstance(actor, Policy):
        game = _policy_game(actor, env, start, end, overrides)
        return run_policy(actor, game, f"{actor.card.agent} seed {actor.card.seed}")
    if isinstance(actor, Ensemble):
        return run_ensemble(actor, _policy_game(actor, env, start, end, overrides))
    game = _game(env or "sample", overrides)
    if start is not None or end is not None:
        game = game.between(start, end)
    if isinstance(actor, str | Path):
        return run_strategy(str(actor), game, game.roots)
    from drltrade.backtest import run_backtest

    name = getattr(actor, "name", type(actor).__name__)
    return run_backtest(check_strategy(actor), game, name=name)


def _game(env: Any, overrides: Mapping[str, Any]) -> Game:
    from drltrade.envs import make_env

    return make_env(env, **overrides).game


def _policy_game(
    policy: Policy | Ensemble,
    env: Any,
    start: str | None,
    end: str | None,
    overrides: Mapping[str, Any],
) -> Game:
    from drltrade.agents import Ensemble
    from drltrade.data import Market, load
    from drltrade.envs import EnvSettings, Game
    from drltrade.experiments.backtests import OUTSIDE

    changes = dict(overrides)
    data = changes.pop("data", None)
    market = data if isinstance(data, Market) else None
    if env is not None:
        world = _game(env, {} if data is None else {"data": data})
        if isinstance(env, Game) and start is None and end is None:
            start, end = (str(stamp) for stamp in world.interval)
        content = world.settings.model_dump(mode="json")
        changes = {**{key: content[key] for key in OUTSIDE}, **changes}
        market = world.market
    elif data is not None and market is None:
        market = load(parse(EnvSettings, {"data": data}, "data").data, policy.roots)
    game = policy.game(market, start, end, changes)
    if start is not None or end is not None:
        return game
    cards = policy.cards if isinstance(policy, Ensemble) else (policy.card,)
    return _unseen(max(card.seen[1] for card in cards), game)


def _unseen(seen: str, game: Game) -> Game:
    """Cuts a game to the bars after those that were trained or chosen on, if any."""
    known, stamps = np.datetime64(seen), game.market.stamps
    later = stamps[stamps > known]
    begin, end = game.interval
    if later.size and begin < later.min() < end:
        return game.between(str(later.min()), None)
    return game
