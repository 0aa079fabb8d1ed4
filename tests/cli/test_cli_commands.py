"""Each command does what its help says, on stdout what was asked for, on stderr the rest."""

import json
from pathlib import Path

import pytest

from drltrade.cli.app import app

FREE = (
    "--set", "env.fill=same_close",
    "--set", "env.costs.commission.rate=0",
    "--set", "env.costs.slippage.rate=0",
)  # fmt: skip
TINY = (
    "--agent", "ppo", "--steps", "512", "--set", "agent.accounts=16", "--set", "agent.n_steps=16",
    "--set", "budget.evaluations=2", "--set", "env.window=4", "--set", "baselines=[cash]",
    "--workers", "1",
)  # fmt: skip

# KNOWN_ANSWERS, section 1: computed independently of drltrade.
KNOWN = {
    "AAPL": (12.408616, 0.221540, 0.459643, 0.678402, -0.818018),
    "IBM": (1.379213, 0.069100, 0.279848, 0.378510, -0.583139),
    "MSFT": (-0.183333, -0.015491, 0.330319, 0.117599, -0.674645),
}


@pytest.mark.parametrize("symbol", KNOWN)
def test_buy_and_hold_of_the_sample_gives_the_known_figures(drltrade, symbol):
    said = drltrade("backtest", "buy_and_hold", "--symbols", symbol, *FREE, "--json")
    metrics = json.loads(said.out)["metrics"]
    names = ("total_return", "cagr", "volatility", "sharpe", "max_drawdown")
    assert tuple(round(metrics[name], 6) for name in names) == KNOWN[symbol]


def test_json_of_a_backtest_has_its_promised_keys_and_nothing_else_on_stdout(drltrade):
    said = drltrade("backtest", "sma_cross", "--start", "2011-01-01", "--json")
    content = json.loads(said.out)
    assert said.code == 0
    assert {
        "metrics", "final_equity", "bars", "start", "end", "trades", "costs", "assumptions",
    } <= set(content)  # fmt: skip
    assert {
        "total_return", "cagr", "volatility", "sharpe", "sortino", "max_drawdown", "turnover",
    } <= set(content["metrics"])  # fmt: skip
    assert content["start"] == "2011-01-03"
    assert content["bars"] == 543
    assert content["assumptions"]["fill"] == "next_open"
    assert content["final_equity"] == pytest.approx(
        content["start_equity"] + content["costs"]["net_pnl"]
    )


def test_undefined_figures_are_null(drltrade):
    assert json.loads(drltrade("backtest", "cash", "--json").out)["metrics"]["sharpe"] is None


def test_a_look_ahead_fill_and_free_trading_are_warned_of_on_stderr(drltrade):
    said = drltrade("backtest", "buy_and_hold", *FREE, "--json")
    assert "LOOK-AHEAD" in said.err
    assert "Zero costs" in said.err


def test_dearer_commission_costs_money(drltrade):
    cheap = json.loads(drltrade("backtest", "momentum", "--json").out)
    flag = "env.costs.commission.rate=0.01"
    dear = json.loads(drltrade("backtest", "momentum", "--set", flag, "--json").out)
    assert dear["assumptions"]["commission_rate"] == 0.01
    assert dear["final_equity"] < cheap["final_equity"]
    assert dear["costs"]["commission"] > cheap["costs"]["commission"]


def test_a_strategy_takes_parameters(drltrade):
    slow = json.loads(drltrade("backtest", "sma_cross", "--json").out)
    fast = json.loads(drltrade("backtest", "sma_cross", "--set", "strategy.fast=5", "--json").out)
    assert fast["trades"] > slow["trades"]


def test_a_plugin_strategy_from_a_file_of_the_user(drltrade):
    Path("mine.py").write_text(
        "import numpy as np\n"
        "class Half:\n"
        "    def targets(self, market, first):\n"
        "        targets = np.full((market.bars, market.assets), np.nan)\n"
        "        targets[first] = 0.5\n"
        "        return targets\n"
    )
    content = json.loads(drltrade("backtest", "mine.py:Half", *FREE, "--json").out)
    assert content["metrics"]["total_return"] == pytest.approx(0.5 * 12.408616, abs=1e-6)


def test_the_shipped_plugin_runs_from_anywhere(drltrade):
    assert drltrade("backtest", "agents/breakout.py:Breakout").code == 0


@pytest.mark.parametrize(
    "env", ["aapl-daily", "portfolio-4", "eurusd-hourly", "sp500-20", "sp500-each"]
)
def test_every_shipped_environment_is_backtested_by_name(drltrade, env):
    said = drltrade("backtest", "equal_weight", "--env", env, "--json")
    assert said.code == 0
    assert json.loads(said.out)["bars"] > 1000


def test_a_table_says_what_was_assumed(drltrade):
    said = drltrade("backtest", "sma_cross", "--start", "2012")
    assert "sma_cross on AAPL, 2012-01-03 .. 2013-03-01 (291 bars)" in said.out
    assert "buy_and_hold" in said.out
    assert "fill next_open, commission 0.0500%, slippage 0.0500% a side" in said.out


def test_out_keeps_page_and_tables(drltrade):
    said = drltrade("backtest", "sma_cross", "--start", "2012", "--out", "page")
    assert said.code == 0
    assert {"report.html", "equity.parquet", "trades.parquet", "metrics.json"} <= {
        path.name for path in Path("page").iterdir()
    }
    assert "page/report.html" in said.out
    assert drltrade("report", "page").code == 0
    assert "sma_cross" in drltrade("compare", "page").out


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A small experiment, trained through the command line on the user's own file."""
    import contextlib
    import io
    import os

    from drltrade.cli import main
    from drltrade.data import load_market

    folder = tmp_path_factory.mktemp("lab")
    market = load_market("sample")
    lines = ["date,open,high,low,close,volume"]
    for row in range(600):
        values = [
            getattr(market, key)[row, 0] for key in ("open", "high", "low", "close", "volume")
        ]
        lines.append(
            f"{str(market.stamps[row])[:10]},{','.join(repr(float(value)) for value in values)}"
        )
    (folder / "prices.csv").write_text("\n".join(lines))
    before = Path.cwd()
    os.chdir(folder)
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(["train", "--data", "prices.csv", *TINY, "--json"])
    finally:
        os.chdir(before)
    assert code == 0
    return folder, json.loads(out.getvalue()), err.getvalue()


def test_training_needs_no_yaml_and_states_its_splits(trained):
    _, content, err = trained
    assert content["experiment"] == "prices-ppo"
    (fold,) = content["folds"]
    assert [fold[role][0]["bars"] for role in ("train", "valid", "test")] == [360, 120, 120]
    assert "train 2000-03-01 .. " in err
    assert "(360 bars)" in err
    assert "done in" in err
    assert "steps/s" in err
    assert [row["name"] for row in content["table"]] == ["ppo", "cash"]
    assert content["jobs"][0]["metrics"]["total_return"] is not None


def test_a_trained_run_is_backtested_reported_and_compared(trained, drltrade, monkeypatch):
    folder, content, _ = trained
    monkeypatch.chdir(folder)
    said = drltrade("backtest", content["folder"], "--json")
    assert "test interval" in said.err
    assert json.loads(said.out)["metrics"] == content["jobs"][0]["metrics"]
    assert json.loads(said.out)["assumptions"]["agent"] == "ppo"
    assert drltrade("backtest", "prices-ppo").code == 0
    assert Path(drltrade("report", "prices-ppo").out.split("report: ")[1].strip()).is_file()
    found = json.loads(drltrade("compare", "prices-ppo", "--json").out)
    assert [row["name"] for row in found["table"]] == ["ppo", "cash"]
    assert found["evidence"]["skill"]["family"] == ["ppo"]
    (pair,) = found["contrasts"]["pairs"]
    assert (pair["first"], pair["second"]) == ("ppo", "cash")
    assert pair["adjusted"] == pair["p"]
    assert (found["report"], Path(found["report"]).is_file()) == ("runs/compare.html", True)
    said = drltrade("compare", "prices-ppo", "--page", "pages/mine.html")
    assert said.out.rstrip().endswith("report: pages/mine.html")
    assert Path("pages/mine.html").is_file()
    assert said.out.index("ppo") < said.out.index("skill shown") < said.out.index("report:")
    assert "1 of 1 jobs done" in drltrade("list", "runs").out


def test_a_run_is_found_again_from_another_folder(trained, drltrade):
    folder, content, _ = trained
    said = drltrade("backtest", folder / content["folder"], "--json")
    assert json.loads(said.out)["final_equity"] > 0


def test_a_policy_can_be_judged_on_other_data(trained, drltrade):
    folder, content, _ = trained
    target = folder / content["folder"]
    said = drltrade("backtest", target, "--data", "sample", "--symbols", "IBM", "--json")
    assert json.loads(said.out)["symbols"] == ["IBM"]
    assert "OVERLAP" in said.err


def test_the_same_command_resumes(trained, drltrade, monkeypatch):
    folder, content, _ = trained
    monkeypatch.chdir(folder)
    said = drltrade("train", "--data", "prices.csv", *TINY)
    assert said.code == 0
    assert "1 of 1 jobs had been done before" in said.out
    assert str(content["report"]) in said.out


def test_new_makes_a_workspace_that_works(drltrade, monkeypatch):
    assert drltrade("new", "lab").code == 0
    monkeypatch.chdir("lab")
    said = drltrade("train", "experiments/first.yaml", *TINY, "--seeds", "1")
    assert said.code == 0
    assert "report: runs/first/report.html" in said.out
    assert drltrade("backtest", "agents/breakout.py:Breakout", "--env", "aapl-daily").code == 0


def test_data_check_describes_a_good_file(trained, drltrade):
    folder, _, _ = trained
    said = drltrade("data", "check", folder / "prices.csv", "--json")
    assert said.code == 0
    assert json.loads(said.out)["rows"] == 600


def test_data_fetch_says_what_to_do_with_the_prices(drltrade, monkeypatch):
    def fetch(symbols, start, end, *, cache, progress, raw):
        progress(f"asking for {symbols} from {start} to {end}")
        return cache / "AAPL_MSFT.csv"

    monkeypatch.setattr("drltrade.data.fetch.fetch", fetch)
    said = drltrade("data", "fetch", "AAPL", "MSFT", "--start", "2010-01-01")
    assert said.err == "asking for ['AAPL', 'MSFT'] from 2010-01-01 to None\n"
    assert "prices: data/cache/AAPL_MSFT.csv" in said.out


def test_a_terminal_is_shown_a_bar_for_each_job(monkeypatch):
    import io
    import sys

    from drltrade.cli.progress import progress_view
    from drltrade.experiments.jobs import Event, Job

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    jobs = [Job("ppo", seed, {}, "x", {}, Path("runs")) for seed in range(2)]
    with progress_view(jobs, total=3) as show:
        for job in jobs:
            show(Event(job.id, "started"))
            show(Event(job.id, "progress", 500, 1000, 2.0, score=0.5, best=0.75))
        show(Event(jobs[0].id, "failed", message="No memory."))
        show(Event(jobs[1].id, "done"))
    text = screen.getvalue()
    assert "ppo seed 0: failed. No memory." in text
    assert "ppo seed 1: done in 0:02 (250 steps/s), best validation 0.750" in text


def test_list_names_everything(drltrade):
    said = drltrade("list", "--json")
    content = json.loads(said.out)
    assert set(content) == {
        "envs", "agents", "strategies", "references", "features", "rewards", "datasets",
        "metrics", "experiments", "runs",
    }  # fmt: skip
    for kind, rows in content.items():
        assert all(row["name"] and row["about"] for row in rows), kind
        assert rows or kind == "runs"
    assert drltrade("list", "strategies").out.count("\n") > 9


def test_list_settings_has_the_keys_that_users_were_promised(drltrade):
    names = {
        row["name"] for row in json.loads(drltrade("list", "settings", "--json").out)["settings"]
    }
    assert {
        "env.fill", "env.window", "env.reward", "env.costs.commission.rate",
        "env.costs.slippage.rate", "budget.steps", "agent.learning_rate",
    } <= names  # fmt: skip


def commands(group, path=()):
    """Yields every command of the app with its words."""
    for command in group.registered_commands:
        yield (*path, command.name)
    for inner in group.registered_groups:
        yield from commands(inner.typer_instance, (*path, inner.name))


@pytest.mark.parametrize("words", list(commands(app)), ids=" ".join)
def test_every_command_has_help_with_an_example(drltrade, words):
    said = drltrade(*words, "--help")
    assert said.code == 0
    assert "For example:" in said.out
    assert f"drltrade {' '.join(words)}" in said.out.partition("For example:")[2]


def test_a_users_reward_trains_the_same_from_a_flag_and_from_yaml_as_the_built_in_one(
    drltrade, tmp_path
):
    (tmp_path / "mine.py").write_text("def same(step):\n    return step.log_return\n")
    (tmp_path / "mine.yaml").write_text("reward: mine.py:same\nwindow: 4\n")
    common = ("train", "--agent", "reinforce", "--steps", "2000", "--seeds", "1")
    runs = {
        "named": ("--set", "env.window=4"),
        "flag": ("--set", "env.window=4", "--set", "env.reward=mine.py:same"),
        "yaml": ("--env", "mine.yaml"),
    }
    weights = set()
    for name, extra in runs.items():
        said = drltrade(*common, "--name", name, *extra)
        assert said.code == 0, said.err
        (policy,) = tmp_path.glob(f"runs/{name}/*/policy.safetensors")
        weights.add(policy.read_bytes())
    assert len(weights) == 1


def test_a_folder_of_prices_is_checked_file_by_file(drltrade, tmp_path):
    rows = "\n".join(f"2020-01-{day:02d},{100 + day}" for day in range(1, 25))
    (tmp_path / "many").mkdir()
    (tmp_path / "many" / "good.csv").write_text(f"date,close\n{rows}\n")
    (tmp_path / "many" / "bad.csv").write_text(f"date,close\n{rows}\n2020-01-30,-5\n")
    said = drltrade("data", "check", "many", "--json")
    content = json.loads(said.out)
    assert said.code == 1
    assert [file["ok"] for file in content["files"]] == [False, True]
    assert drltrade("data", "check", "many/good.csv", "--timezone", "New_York").code == 2


def test_a_damaged_experiment_is_told_in_a_sentence(drltrade, tmp_path):
    drltrade("train", "--agent", "reinforce", "--steps", "500", "--seeds", "1", "--name", "hurt")
    (tmp_path / "runs" / "hurt" / "experiment.json").write_text('{"folds": 3}')
    said = drltrade("report", "runs/hurt")
    assert said.code == 1
    assert "is damaged" in said.last


def test_a_file_without_a_name_in_it_is_no_target(drltrade):
    said = drltrade("backtest", "mine.py")
    assert (said.code, "path.py:Name" in said.last) == (2, True)
