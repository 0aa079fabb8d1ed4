"""`drltrade train`: agents on historical prices, judged on bars they have not seen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drltrade.cli.options import (
    Data,
    End,
    Env,
    Json,
    Out,
    Sets,
    Start,
    Symbols,
    Workers,
    split_commas,
    whole,
)

if TYPE_CHECKING:
    from drltrade.experiments.experiment import ExperimentResult
    from drltrade.experiments.plan import Choice, Plan

__all__ = ["conduct", "show_result", "train"]


def train(
    experiment: Annotated[
        str | None,
        typer.Argument(help="An experiment: a file or name in experiments/.", show_default=False),
    ] = None,
    agent: Annotated[
        list[str] | None,
        typer.Option("--agent", help="An agent: a name or a file in agents/. May be repeated."),
    ] = None,
    env: Env = None,
    data: Data = None,
    symbols: Symbols = None,
    start: Start = None,
    end: End = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            "--seeds", parser=whole("--seeds"), metavar="N", help="How many seeds: 0, 1, ..."
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            "--steps",
            parser=whole("--steps"),
            metavar="N",
            help="Environment steps of each job (budget.steps).",
        ),
    ] = None,
    sets: Sets = None,
    name: Annotated[
        str | None, typer.Option("--name", help="The experiment's folder below --out.")
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", help="Where networks train: auto, cpu or cuda.")
    ] = None,
    start_from: Annotated[
        str | None,
        typer.Option("--from", metavar="RUN", help="Begin with the weights and scaler of a run."),
    ] = None,
    freeze: Annotated[
        str | None,
        typer.Option("--freeze", help="What of that run is kept as it is: encoder."),
    ] = None,
    out: Out = Path("runs"),
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Train agents, keep the best checkpoint by validation, judge it on the test interval.

    Without an experiment file the first 60 % of the bars train, the next 20 % validate, the last
    20 % test. Without --data or --env the embedded sample serves. The same command resumes.

    --set takes any key of the experiment (budget.steps, budget.evaluations, splits.train,
    splits.valid, splits.test, splits.walk_forward.train, seeds, baselines), of its environment
    (env.fill, env.window, env.actions, env.reward, env.features, env.costs.commission.rate,
    env.costs.slippage.rate, env.leverage, ...) and of its agents (agent.learning_rate,
    agent.accounts, ...).
    `drltrade list settings` prints every key with its default.

    For example:

      drltrade train experiments/first.yaml --agent dqn --seeds 3

      drltrade train --data prices.csv --agent ppo --agent sac --steps 200000

      drltrade train --data fresh.csv --agent gru.yaml --from runs/first --freeze encoder

      drltrade train --symbols MSFT --set agent.learning_rate=0.001 --set env.window=32
    """
    from drltrade.experiments.plan import Choice

    choice = Choice(
        agents=tuple(agent or ()),
        env=env,
        data=data,
        symbols=split_commas(symbols),
        start=start,
        end=end,
        seeds=seeds,
        steps=steps,
        name=name,
        device=device,
        start_from=start_from,
        freeze=freeze,
        sets=tuple(sets or ()),
    )
    result = conduct(experiment, choice, out, workers)
    show_result(result, as_json)


def conduct(
    experiment: str | None, choice: Choice, out: Path, workers: int | None
) -> ExperimentResult:
    """Plans an experiment, says what will be done, and does it under a progress view."""
    from drltrade.cli.progress import progress_view
    from drltrade.experiments.experiment import carry_out, plan_of
    from drltrade.experiments.folders import is_done

    plan = plan_of(experiment, out=out, choice=choice)
    _announce(plan)
    waiting = [job for job in plan.jobs if not is_done(job.folder)]
    with progress_view(waiting, len(plan.jobs)) as show:
        return carry_out(plan, workers=workers, progress=show)


_FOLDS = 8
"""How many folds are announced one by one."""


def _announce(plan: Plan) -> None:
    from drltrade.cli.output import note
    from drltrade.experiments.folders import is_done

    market = plan.market
    names = market.labels or market.symbols
    note(f"{plan.name}: {market.name} ({', '.join(names[:8])}), {market.bars:,} bars")
    for sentence in market.notes:
        note(f"  note: {sentence}")
    for fold in plan.folds[:_FOLDS]:
        which = f"fold {fold.number}: " if len(plan.folds) > 1 else ""
        parts = (" + ".join(map(str, spans)) for spans in (fold.train, fold.valid, fold.test))
        note("  {}train {}; validate {}; test {}".format(which, *parts))
    if len(plan.folds) > _FOLDS:
        note(f"  and {len(plan.folds) - _FOLDS} folds more, {plan.tested} tested in all")
    done = sum(is_done(job.folder) for job in plan.jobs)
    had = f"; {done} done before" if done else ""
    steps = plan.settings.budget.steps
    note(f"  {', '.join(plan.agents)}: {len(plan.jobs)} jobs of {steps:,} steps{had}")


def show_result(result: ExperimentResult, as_json: bool) -> None:
    """Prints the table, what was found, and where the files are."""
    from drltrade.cli.output import print_json, say, warn
    from drltrade.cli.tables import print_comparison
    from drltrade.experiments.experiment import summary
    from drltrade.report.tables import comparison_table

    if as_json:
        print_json(summary(result))
        return
    seeds = len(result.plan.settings.seeds)
    agents = f"agents: medians over {seeds} seeds" if seeds > 1 else "one seed an agent"
    plan = result.plan
    folds = f" in {len(plan.folds)} folds" if len(plan.folds) > 1 else ""
    title = f"Test interval {plan.tested}{folds}, same costs for all; {agents}"
    print_comparison(comparison_table(result.entries), title)
    for sentence in result.verdict:
        say(sentence)
    warn(result.warnings)
    say()
    if result.reused:
        say(f"{result.reused} of {len(result.plan.jobs)} jobs had been done before.")
    say(f"report: {result.report}")
    say(f"runs:   {result.plan.home}")
