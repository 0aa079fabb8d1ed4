"""The bench measures what it says, derives its ratios, and ends in a page that can be read."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from drltrade.cli import main
from drltrade.errors import DrltradeError
from drltrade.experiments.bench import Bench, engine, figures, loop, peers, run_bench, write_page
from drltrade.experiments.bench.figures import QUICK, Effort, Figure, best_rate, engine_key, ratios
from drltrade.experiments.bench.page import goal_rows
from drltrade.experiments.bench.plot import draw


@pytest.fixture(scope="module")
def heard() -> list[str]:
    return []


@pytest.fixture(scope="module")
def found(heard: list[str]) -> Bench:
    """A rehearsal of everything but compilation and peers."""
    return run_bench(QUICK, progress=heard.append)


def made(whole: bool = True, **values: float) -> Bench:
    """A bench of invented figures; `group__key` names each."""
    listed = [
        Figure(name.split("__")[0], name.split("__")[1], value, "steps/s", name)  # type: ignore[arg-type]
        for name, value in values.items()
    ]
    return Bench(tuple(listed), {"processor": "abacus"}, 1.0, whole)


def test_the_json_has_five_parts_of_flat_numbers_the_notes_and_the_machine(found: Bench) -> None:
    content = json.loads(json.dumps(found.content, allow_nan=False))
    groups = ["engine", "gym_env", "training", "peers", "ratios"]
    assert list(content) == [*groups, "notes", "machine"]
    assert content["peers"] == {}
    assert content["notes"] == {}
    for group in ("engine", "gym_env", "training", "ratios"):
        assert content[group]
        for key, value in content[group].items():
            assert isinstance(value, float)
            assert math.isfinite(value)
            assert value > 0 or key == "matrix_copied_bytes" or key.endswith("_share")
    assert {"processor", "cores", "python", "numba"} <= content["machine"].keys()


def test_every_size_face_and_rule_is_measured(found: Bench) -> None:
    sizes = {engine_key(n, w, b) for n in (1, 30) for w in (1, 16, 32, 64) for b in (1, 64, 1024)}
    others = {
        "impact_assets_1_window_16_accounts_1024", "impact_assets_1_window_1_accounts_1024",
        "one_thread_steps_per_second", "two_threads_steps_per_second", "backtest_seconds",
        "memory_bytes_per_account", "memory_peak_bytes",
    }  # fmt: skip
    assert found.groups["engine"].keys() >= sizes | others
    assert found.groups["gym_env"].keys() >= {
        "steps_per_second", "empty_env_steps_per_second", "vector_accounts_1024_steps_per_second",
        "sb3_accounts_1024_steps_per_second",
    }  # fmt: skip
    assert found.groups["engine"]["matrix_copied_bytes"] == 0.0
    keys = [(figure.group, figure.key) for figure in found.figures]
    assert len(keys) == len(set(keys))


def test_a_ratio_is_the_quotient_of_two_figures_that_were_measured(found: Bench) -> None:
    groups = {"engine": {"two_threads_steps_per_second": 3.0, "one_thread_steps_per_second": 2.0}}
    assert ratios(groups) == {"two_threads_over_one": 1.5}
    env = found.groups["gym_env"]
    assert found.ratios["gym_env_over_empty_env"] == (
        env["steps_per_second"] / env["empty_env_steps_per_second"]
    )
    assert not [name for name in found.ratios if "gym_anytrading" in name]


def test_progress_names_each_case_and_the_time_left(found: Bench, heard: list[str]) -> None:
    assert heard[0].startswith(f"1/{len(heard)} ")
    assert all(line.endswith(" left") for line in heard)
    assert any("30 assets, window 64 x 8, 4,096 accounts" in line for line in heard)


def test_the_best_of_all_repeats_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten steps a round; of three repeats of one round the middle one takes two seconds."""
    clock = SimpleNamespace(now=0.0)
    lengths = iter([9.0, 5.0, 5.0, 2.0, 5.0])  # warm-up, calibration, then the three repeats

    def work(rounds: int) -> int:
        assert rounds == 1
        clock.now += next(lengths)
        return 10

    monkeypatch.setattr(figures.time, "perf_counter", lambda: clock.now)
    monkeypatch.setattr(figures.time, "process_time", lambda: clock.now / 2)
    effort = Effort(seconds=5.0, repeats=3, bars=0, long_bars=0, train_steps=0)
    assert best_rate(work, effort) == (10 / 2.0, 0.5)


def test_accounts_are_strewn_over_the_market_and_none_stands_still() -> None:
    stepped, work = engine.rounds(1, 16, 512, engine.RULES, 2_000)
    before = stepped.current.bar.copy()
    assert work(300) == 300 * 512
    assert len(np.unique(stepped.current.bar)) > 256
    assert not stepped.current.terminated.any()
    assert (stepped.current.bar != before).any()
    ended = SimpleNamespace(current=SimpleNamespace(terminated=np.array([False, True])))
    with pytest.raises(DrltradeError, match="closed out"):
        engine._nobody_is_ruined(ended)  # type: ignore[arg-type]


def test_the_bench_charges_for_trading_and_for_holding() -> None:
    rules = engine.RULES
    assert rules.costs.commission.rate > 0
    assert rules.costs.slippage.rate > 0
    assert min(rules.carry.cash, rules.carry.debit, rules.carry.borrow) > 0
    assert rules.margin.maintenance > 0
    assert engine.IMPACT.costs.impact.coefficient > 0


def test_peers_and_ours_go_through_one_loop() -> None:
    rate, cpu = loop.measure(loop.MAKERS["drltrade"](), 50, 1)
    assert rate > 0
    assert cpu > 0
    assert loop.MAKERS.keys() == {"drltrade", *(peer.key for peer in peers.PEERS)}
    (figure,) = peers._compare({"drltrade": Path(sys.executable)}, QUICK)
    assert figure.key == "drltrade_steps_per_second"
    assert figure.value > 0


def test_without_a_network_the_bench_says_so_before_it_measures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(command: list[Any], **rest: Any) -> Any:
        if "venv" in command:
            return subprocess.CompletedProcess(command, 0, "", "")
        return subprocess.CompletedProcess(command, 1, "", "WARNING: x\nERROR: No route.\nbye")

    monkeypatch.setattr(peers.subprocess, "run", refuse)
    assert main(["bench", "--quick", "--peers", "--peers-dir", str(tmp_path / "peers")]) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert "gym-anytrading==2.0.0" in said[-1]
    assert "ERROR: No route." in said[-1]
    assert "without one run drltrade bench alone" in said[-1]
    assert not [line for line in said if "vector env" in line]


def test_a_peer_is_installed_once_and_nothing_else_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def install(command: list[Any], **rest: Any) -> Any:
        calls.append(command)
        python = tmp_path / "gym_anytrading" / ("Scripts" if sys.platform == "win32" else "bin")
        python.mkdir(parents=True, exist_ok=True)
        (python / ("python.exe" if sys.platform == "win32" else "python")).touch()
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(peers.subprocess, "run", install)
    first = peers.prepare(tmp_path, peers.PEERS[0])
    assert "gym-anytrading==2.0.0" in calls[-1]
    assert "pandas<3" in calls[-1]
    made_with = len(calls)
    assert peers.prepare(tmp_path, peers.PEERS[0]) == first
    assert len(calls) == made_with

    mine = tmp_path / "gym_trading_env" / "thesis.txt"
    mine.parent.mkdir()
    mine.touch()
    with pytest.raises(DrltradeError, match="--peers-dir"):
        peers.prepare(tmp_path, peers.PEERS[1])
    assert mine.exists()


def test_the_page_puts_ratios_first_and_its_plot_beside_it(found: Bench, tmp_path: Path) -> None:
    page, plot = write_page(found, tmp_path / "pages" / "BENCH.md", "drltrade bench --quick")
    text = page.read_text(encoding="utf-8")
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings[:2] == ["## Ratios", "## Training"]
    assert "`drltrade bench --quick`" in text
    assert "quote" in text  # a rehearsal says that it is one
    assert "(bench.svg)" in text
    assert plot == page.with_name("bench.svg")
    root = ElementTree.parse(plot).getroot()
    words = {node.text for node in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"1 asset", "30 assets", "window 64", "4,096", "our single env"} <= words


def test_a_whole_run_says_which_goals_are_met_and_a_rehearsal_does_not() -> None:
    values = {"engine__assets_1_window_16_accounts_1024": 8.1e6, "engine__backtest_seconds": 0.7}
    rows = {row[0]: row[1:] for row in goal_rows(made(**values))}
    assert rows["1 asset, window 16 x 8, 1,024 accounts"] == [
        "8,100,000", "at least 8,000,000", "met", "90% of 9,000,000",
    ]  # fmt: skip
    assert rows["backtest of a rule over 1,000,000 bars, seconds"][2] == "NOT met"
    assert goal_rows(made(whole=False, **values)) == []


def test_a_plot_of_few_figures_still_draws() -> None:
    groups = {"engine": {engine_key(1, 1, 64): 10.0}, "gym_env": {}, "peers": {}}
    assert ElementTree.fromstring(draw(groups)).tag.endswith("svg")


def test_the_command_prints_ratios_first_or_one_json_object(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = made(
        engine__two_threads_steps_per_second=3_000_000.0,
        engine__one_thread_steps_per_second=2_000_000.0,
    )
    monkeypatch.setattr("drltrade.experiments.bench.run_bench", lambda *arguments: bench)
    assert main(["bench"]) == 0
    table = capsys.readouterr().out
    assert table.index("two threads over one") < table.index("engine__one_thread")
    assert "2,000,000" in table
    assert main(["bench", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["ratios"] == {"two_threads_over_one": 1.5}
    assert content["machine"] == {"processor": "abacus"}


def test_a_page_that_cannot_be_written_is_refused_before_the_measuring(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "--page", str(tmp_path / "bench.html")]) == 2
    said = capsys.readouterr().err
    assert "ends in .md" in said
    assert "measuring" not in said
