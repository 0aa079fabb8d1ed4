"""Writes the page of figures: ratios first, then what was asked for, the plot and the tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from drltrade.errors import DrltradeError
from drltrade.experiments.bench.engine import ACCOUNTS, ASSETS, WINDOWS
from drltrade.experiments.bench.figures import RATIOS, Figure, engine_key, flatten
from drltrade.experiments.bench.plot import draw
from drltrade.experiments.bench.run import Bench

__all__ = ["GOALS", "goal_rows", "number", "ratio_rows", "write_page"]

GOALS: tuple[tuple[str, str, float, float | None], ...] = (
    ("1 asset, window 16 x 8, 1,024 accounts", "engine.assets_1_window_16_accounts_1024", 8e6, 9e6),
    ("1 asset, window 1 x 8, 1,024 accounts", "engine.assets_1_window_1_accounts_1024", 15e6, 17e6),
    (
        "the same with impact, window 16",
        "engine.impact_assets_1_window_16_accounts_1024",
        5e6,
        None,
    ),
    ("the same with impact, window 1", "engine.impact_assets_1_window_1_accounts_1024", 8e6, None),
    (
        "30 assets, window 1 x 8, 1,024 accounts",
        "engine.assets_30_window_1_accounts_1024",
        1e6,
        1.3e6,
    ),
    ("two threads over one", "ratios.two_threads_over_one", 1.6, 2.0),
    ("Gymnasium env over gym-anytrading", "ratios.gym_env_over_gym_anytrading", 1.0, None),
    ("backtest of a rule over 1,000,000 bars, seconds", "engine.backtest_seconds", 0.5, None),
    ("first step of a process, compiled anew, seconds", "engine.cold_start_seconds", 15.0, None),
    ("bytes copied of a 1,000,000 x 20 matrix", "engine.matrix_copied_bytes", 0.0, None),
    ("training ppo, window 16 x 8", "training.ppo_mlp_steps_per_second", 8e4, None),
    ("training a2c, window 16 x 8", "training.a2c_mlp_steps_per_second", 1.5e5, None),
    *(
        (
            f"training with {name} over copied windows",
            f"ratios.ppo_{name}_over_copied_windows",
            3.0,
            None,
        )
        for name in ("cnn", "gru", "transformer")
    ),
    ("bytes of a replay of 1,000,000 windows 64 x 20", "training.replay_bytes", 1e8, None),
)
"""What is to be reached: its name, its figure, the goal, and the limit of a bare sketch."""


_MEASURED = (
    "Each figure is the best of five repeats, of trainings the median of three, on the wall, in one"
    " thread unless said. Outside training, accounts trade at random bars of a 100,000-bar market"
    " and pay commission, slippage and carry under a maintenance margin; each starts anew elsewhere"
    " after 256 bars, and none was closed out: such accounts cost no time."
)
_TRAINED = (
    "Steps a second are those of `drltrade train`, by the clock of the training itself, updates"
    " included. With windows copied, what is learnt is the same, but each observation holds its"
    " whole window; the two take turns. What that gains depends on how many accounts share"
    " a bar: the sample has 3,270, and the last pair shows a long market. Times to 95 % of the"
    " optimum leave out the judging, on fresh bars, of the price that `drltrade doctor` calls"
    " ou; the optimum is that of exact value iteration, and a share counts as reached when three"
    " looks in a row confirm it."
)
_REHEARSED = (
    "It is a rehearsal on small data with one short repeat: no figure here is to be quoted."
)


def write_page(bench: Bench, file: Path, command: str) -> list[Path]:
    """Writes the page and, beside it, its plot.

    Args:
        bench: what was measured.
        file: the page, a `.md`; the plot takes its name in small letters.
        command: what was typed, so that a reader can do it again.

    Returns:
        The files: the plot is of the engine, and left out where it was not measured.

    Raises:
        DrltradeError: they cannot be written.
    """
    plot = file.with_name(f"{file.stem.lower()}.svg")
    parts = [
        "# How fast drltrade is",
        f"`{command}` wrote this page in {_clock(bench.seconds)}. "
        + (_MEASURED if bench.whole else _REHEARSED),
        _table(("machine", ""), bench.machine.items()),
        "## Ratios",
        _table(("ratio", "", "of", "over"), ratio_rows(bench)),
        *_goals(bench),
        *_training(bench),
        *_engine(bench, plot),
        *_others(bench),
        "CPU is CPU time over the time on the wall, where the two differ by more than 3 %: below 1"
        " something else had the processor.",
    ]
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
        if bench.groups["engine"]:
            plot.write_text(draw(bench.groups), encoding="utf-8")
    except OSError as error:
        where = error.filename or file
        raise DrltradeError(f"Cannot write '{where}': {error.strerror or error}.") from error
    return [file, plot] if bench.groups["engine"] else [file]


def number(value: float) -> str:
    """A figure for people: whole thousands with commas, small ones with three digits."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == 0 else f"{value:.3g}"


def ratio_rows(bench: Bench) -> list[list[str]]:
    """Each ratio in words, its value, and the two figures it comes from."""
    flat = _flat(bench)
    return [
        [_words(name), f"{value:.3g}", *(number(flat[key]) for key in RATIOS[name])]
        for name, value in bench.ratios.items()
    ]


def goal_rows(bench: Bench) -> list[list[str]]:
    """Each goal that was measured: the figure, the goal, whether it is met, how near the limit.

    A rehearsal measures shorter things under the same names, so it meets and misses nothing.
    """
    if not bench.whole:
        return []
    flat, rows = _flat(bench), []
    for name, key, goal, limit in GOALS:
        if key not in flat:
            continue
        value = flat[key]
        least = name.endswith("seconds") or name.startswith("bytes")
        met = value <= goal if least else value >= goal
        share = f"{value / limit:.0%} of {number(limit)}" if limit else ""
        bound = f"{'at most' if least else 'at least'} {number(goal)}"
        rows.append([name, number(value), bound, "met" if met else "NOT met", share])
    return rows


def _flat(bench: Bench) -> dict[str, float]:
    return flatten({**bench.groups, "ratios": bench.ratios})


def _goals(bench: Bench) -> list[str]:
    columns = ("", "measured", "goal", "", "share of a bare sketch")
    rows = goal_rows(bench)
    return ["## What was to be reached", _table(columns, rows)] if rows else []


def _clock(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _engine_table(bench: Bench, assets: int) -> str:
    found = bench.groups["engine"]
    rows = [
        [f"{accounts:,}"]
        + [number(found.get(engine_key(assets, window, accounts), 0.0)) for window in WINDOWS]
        for accounts in ACCOUNTS
    ]
    columns = [f"window {window}" for window in WINDOWS]
    title = f"{assets} asset{'s' * (assets > 1)}, 8 features each: accounts"
    return _table((title, *columns), rows)


def _engine(bench: Bench, plot: Path) -> list[str]:
    if not bench.groups["engine"]:
        return []
    picture = f"![Account-steps a second by accounts and window]({plot.name})"
    tables = (_engine_table(bench, assets) for assets in ASSETS)
    return ["## Account-steps a second", picture, *tables]


def _is_training(figure: Figure) -> bool:
    return figure.group == "training" or (
        figure.key.startswith(("train_", "ou_", "own_")) and (figure.group == "peers")
    )


def _training(bench: Bench) -> list[str]:
    figures = [figure for figure in bench.figures if _is_training(figure)]
    if not figures:
        return []
    notes = dict.fromkeys(figure.note for figure in figures if figure.note)
    return ["## Training", _TRAINED, _figure_table(figures), *notes]


def _others(bench: Bench) -> list[str]:
    tabled = {engine_key(n, w, b) for n in ASSETS for w in WINDOWS for b in ACCOUNTS}
    left = [each for each in bench.figures if each.key not in tabled and not _is_training(each)]
    return ["## Everything else", _figure_table(left)] if left else []


def _figure_table(figures: Iterable[Figure]) -> str:
    rows = ([each.what, number(each.value), each.unit, _cpu(each)] for each in figures)
    return _table(("", "", "unit", "CPU"), rows)


def _cpu(figure: Figure) -> str:
    return "" if figure.cpu is None or abs(figure.cpu - 1.0) <= 0.03 else f"{figure.cpu:.2f}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(columns) + " |"]
    lines.append("|---" + "|---:" * (len(columns) - 1) + "|")
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)
