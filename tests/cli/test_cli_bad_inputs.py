"""Every mistake of a user is answered by one sentence and exit code 1 or 2, never a traceback."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

HEAD = "date,open,high,low,close,volume\n"


def rows(count: int = 400, start: str = "2015-01-01") -> list[str]:
    """A clean CSV file, line by line."""
    days = pd.bdate_range(start, periods=count).strftime("%Y-%m-%d")
    closes = 100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.01, count)))
    return [
        f"{day},{close:.4f},{close * 1.01:.4f},{close * 0.99:.4f},{close:.4f},1000\n"
        for day, close in zip(days, closes, strict=True)
    ]


def table(change=lambda lines: lines, head: str = HEAD) -> str:
    return head + "".join(change(rows()))


def replaced(row: int, line: str):
    return lambda lines: [*lines[:row], line, *lines[row + 1 :]]


FILES = {
    "good.csv": table(),
    "short.csv": table(lambda lines: lines[:8]),
    "empty.csv": "",
    "head.csv": HEAD,
    "noclose.csv": table(head="date,open,high,low,end,volume\n"),
    "twice.csv": table(lambda lines: [*lines[:10], lines[9], *lines[10:]]),
    "unsorted.csv": table(lambda lines: [lines[1], lines[0], *lines[2:]]),
    "text.csv": table(replaced(5, "2015-01-08,100,101,99,hundred,1000\n")),
    "nan.csv": table(replaced(5, "2015-01-08,100,101,99,,1000\n")),
    "zero.csv": table(replaced(5, "2015-01-08,0,101,0,100,1000\n")),
    "negative.csv": table(replaced(5, "2015-01-08,100,101,99,-100,1000\n")),
    "crossed.csv": table(replaced(5, "2015-01-08,100,99,101,100,1000\n")),
    "date.csv": table(replaced(5, "someday,100,101,99,100,1000\n")),
    "zones.csv": "date,close\n2015-01-05T10:00:00+01:00,1\n2015-01-05T11:00:00,2\n",
    "closes.csv": "date,close\n"
    + "".join(f"{line.split(',')[0]},{line.split(',')[4]}\n" for line in rows()),
    "damaged.parquet": "this is no parquet",
    "notyaml.yaml": "env: [sample\n",
    "list.yaml": "- env\n- agent\n",
    "unknown.yaml": "agnet: ppo\n",
    "nested.yaml": "budget: {stpes: 10}\n",
    "type.yaml": "budget: {steps: many}\n",
    "double.yaml": "env: sample\nenv: sample\n",
    "both.yaml": "agent: ppo\nagents: [dqn]\n",
    "noagent.yaml": "agents: []\n",
    "overlap.yaml": "splits: {train: [2000, 2009], valid: [2009-06-01, 2010], test: [2011, 2012]}",
    "order.yaml": "splits: {train: [2009, 2010], valid: [2005, 2006], test: [2011, 2012]}",
    "outside.yaml": "splits: {train: [2000, 2009], valid: [2010, 2010], test: [2020, 2021]}",
    "mixed.yaml": "splits: {train: 0.5, valid: [2010, 2011], test: 0.2}\n",
    "shares.yaml": "splits: {train: 0.8, valid: 0.2, test: 0.2}\n",
    "share.yaml": "splits: {train: 60}\n",
    "day.yaml": "splits: {train: [2000-01-01, yesterday]}\n",
    "seeds.yaml": "seeds: [1, 1]\n",
    "name.yaml": "name: ../runs\n",
    "baseline.yaml": "baselines: [buy_and_hodl]\n",
    "noenv.yaml": "env: aapl-dialy\n",
    "envkey.yaml": "env: {windows: 16}\n",
    "window.yaml": "env: {window: 0}\n",
    "wide.yaml": "env: {window: 5000}\n",
    "fill.yaml": "env: {fill: now}\n",
    "cost.yaml": "env: {costs: {commission: {rate: -0.001}}}\n",
    "dear.yaml": "env: {costs: {commission: {rate: 5}}}\n",
    "reward.yaml": "env: {reward: sharp}\n",
    "noplugin.yaml": "env: {reward: 'lost.py:mine'}\n",
    "noname.yaml": "env: {reward: 'broken.py:yours'}\n",
    "broken.yaml": "env: {reward: 'syntax.py:mine'}\n",
    "scalar.yaml": "env: {reward: 'broken.py:scalar'}\nbudget: {steps: 512}\n",
    "feature.yaml": "env: {features: [{rsii: 14}]}\n",
    "param.yaml": "env: {features: [{rsi: zero}]}\n",
    "agentkey.yaml": "agent: {name: ppo, learning_rat: 0.1}\n",
    "agentvalue.yaml": "agent: {name: ppo, learning_rate: -1}\n",
    "nameless.yaml": "agent: {learning_rate: 0.1}\n",
    "scheme.yaml": "agent: sac\nenv: {actions: levels}\n",
    "broken.py": "def scalar(step):\n    return 1.0\n",
    "syntax.py": "def mine(step)\n    return 1\n",
    "rules.py": (
        "import numpy as np\n"
        "class Wide:\n    def targets(self, market, first):\n        return np.zeros((3, 3))\n"
        "class Oracle:\n    def targets(self, market, first):\n"
        "        return np.sign(np.diff(market.close, axis=0, append=market.close[-1:]))\n"
        "class Failing:\n    def targets(self, market, first):\n        return market.prices\n"
        "class Nothing:\n    pass\n"
    ),
}

BAD = [
    # data files
    (("backtest", "cash", "--data", "lost.csv"), "lost.csv"),
    (("backtest", "cash", "--data", "empty.csv"), "empty"),
    (("backtest", "cash", "--data", "head.csv"), "head.csv"),
    (("backtest", "cash", "--data", "binary.csv"), "binary.csv"),
    (("backtest", "cash", "--data", "damaged.parquet"), "damaged.parquet"),
    (("backtest", "cash", "--data", "cut.csv.gz"), "cut.csv.gz"),
    (("backtest", "cash", "--data", "noclose.csv"), "close"),
    (("backtest", "cash", "--data", "twice.csv"), "2015-01-14"),
    (("backtest", "cash", "--data", "unsorted.csv"), "unsorted.csv"),
    (("backtest", "cash", "--data", "text.csv"), "hundred"),
    (("backtest", "cash", "--data", "nan.csv"), "nan.csv"),
    (("backtest", "cash", "--data", "zero.csv"), "zero.csv"),
    (("backtest", "cash", "--data", "negative.csv"), "-100"),
    (("backtest", "cash", "--data", "crossed.csv"), "high"),
    (("backtest", "cash", "--data", "date.csv"), "someday"),
    (("backtest", "cash", "--data", "zones.csv"), "zone"),
    (("backtest", "cash", "--data", "closes.csv"), "next_close"),
    (("backtest", "cash", "--data", "folder"), "folder"),
    (("train", "--data", "short.csv"), "bars"),
    (("train", "--data", "closes.csv"), "next_close"),
    (("data", "check", "lost.csv"), "lost.csv"),
    (("data", "fetch", "A A", "--start", "2010-01-01"), "ticker"),
    (("data", "fetch", "AAPL", "--start", "soon"), "soon"),
    # experiment files
    (("train", "lost.yaml"), "lost.yaml"),
    (("train", "frist"), "first"),
    (("train", "notyaml.yaml"), "line"),
    (("train", "list.yaml"), "mapping"),
    (("train", "unknown.yaml"), "'agents'"),
    (("train", "nested.yaml"), "'steps'"),
    (("train", "type.yaml"), "many"),
    (("train", "double.yaml"), "twice"),
    (("train", "both.yaml"), "both"),
    (("train", "noagent.yaml"), "agents"),
    (("train", "overlap.yaml"), "valid split"),
    (("train", "order.yaml"), "train split"),
    (("train", "outside.yaml"), "splits.test"),
    (("train", "mixed.yaml"), "shares"),
    (("train", "shares.yaml"), "1.2"),
    (("train", "share.yaml"), "60"),
    (("train", "day.yaml"), "yesterday"),
    (("train", "seeds.yaml"), "twice"),
    (("train", "name.yaml"), "name"),
    (("train", "baseline.yaml"), "'buy_and_hold'"),
    # environments, rewards, features and agents inside them
    (("train", "noenv.yaml"), "aapl-daily"),
    (("train", "envkey.yaml"), "'window'"),
    (("train", "window.yaml"), "window"),
    (("train", "wide.yaml"), "5000"),
    (("train", "fill.yaml"), "next_open"),
    (("train", "cost.yaml"), "rate"),
    (("train", "dear.yaml"), "rate"),
    (("train", "reward.yaml"), "sharp"),
    (("train", "noplugin.yaml"), "lost.py"),
    (("train", "noname.yaml"), "yours"),
    (("train", "broken.yaml"), "syntax.py"),
    (("train", "scalar.yaml"), "broken.py:scalar"),
    (("train", "feature.yaml"), "rsii"),
    (("train", "param.yaml"), "rsi"),
    (("train", "agentkey.yaml"), "'learning_rate'"),
    (("train", "agentvalue.yaml"), "learning_rate"),
    (("train", "nameless.yaml"), "name"),
    (("train", "scheme.yaml"), "continuous"),
    # flags
    (("tarin",), "train"),
    (("train", "--sedes", "3"), "--sedes"),
    (("train", "--agent", "pop"), "'ppo'"),
    (("train", "--agent", "ppo", "--agent", "ppo"), "twice"),
    (("train", "--seeds", "0"), "whole number"),
    (("train", "--seeds", "three"), "three"),
    (("train", "--steps", "0"), "whole number"),
    (("train", "--workers", "0"), "workers"),
    (("train", "--device", "tpu"), "tpu"),
    (("train", "--out", "good.csv"), "--out"),
    (("backtest", "cash", "--out", "good.csv"), "good.csv"),
    (("train", "--set", "steps"), "key=value"),
    (("train", "--set", "budgets.steps=3"), "'budget'"),
    (("train", "--set", "env.costs.comission.rate=0"), "'commission'"),
    (("train", "--set", "agent.gama=0.9"), "'gamma'"),
    (("train", "--symbols", "APPL"), "'AAPL'"),
    (("train", "--start", "2013-01-01", "--end", "2012-01-01"), "after"),
    (("backtest",), "target"),
    (("backtest", "buy_and_hodl"), "'buy_and_hold'"),
    (("backtest", "cash", "--start", "soon"), "soon"),
    (("backtest", "cash", "--start", "2030-01-01"), "2013-03-01"),
    (("backtest", "cash", "--start", "2012-01-02", "--end", "2011-01-01"), "2012-01-02"),
    (("backtest", "cash", "--env", "aapl-dialy"), "aapl-daily"),
    (("backtest", "cash", "--set", "env.fill=now"), "next_open"),
    (("backtest", "cash", "--set", "budget.steps=3"), "env."),
    (("backtest", "sma_cross", "--set", "strategy.fats=3"), "'fast'"),
    (("backtest", "sma_cross", "--set", "strategy.fast=60"), "slow"),
    (("backtest", "rules.py:Lost"), "Lost"),
    (("backtest", "rules.py:Wide"), "(3, 3)"),
    (("backtest", "rules.py:Oracle"), "looks ahead"),
    (("backtest", "rules.py:Failing"), "prices"),
    (("backtest", "rules.py:Nothing"), "targets"),
    (("backtest", "folder"), "no finished run"),
    (("backtest", "good.csv"), "good.csv"),
    (("backtest", "damaged"), "policy"),
    (("report", "lost"), "lost"),
    (("compare", "lost", "losst"), "lost"),
    (("compare", "damaged", "./damaged"), "named twice"),
    (("compare", "damaged", "--page", "good.csv"), ".html"),
    (("list", "strategy"), "'strategies'"),
    (("new", "good.csv"), "is a file"),
    (("new", "taken"), "envs"),
]


@pytest.fixture
def mistakes(tmp_path: Path) -> Path:
    """A folder of files that each have something wrong."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "binary.csv").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(FILES["good.csv"].encode())[:200])
    (tmp_path / "folder").mkdir()
    (tmp_path / "taken" / "envs").mkdir(parents=True)
    (tmp_path / "damaged").mkdir()
    for name in ("metrics.json", "policy.json"):
        (tmp_path / "damaged" / name).write_text(json.dumps({"schema_version": 99}))
    return tmp_path


@pytest.mark.parametrize(("arguments", "named"), BAD, ids=lambda value: str(value)[:60])
def test_a_mistake_is_answered_in_one_sentence(drltrade, mistakes, arguments, named):
    said = drltrade(*arguments)
    assert said.code in (1, 2)
    print(said.last)
    assert said.last.startswith("drltrade: ")
    assert said.last.endswith((".", "?"))
    assert named in said.last
    assert 20 < len(said.last) < 700
    assert "Unexpected" not in said.last
    assert "Traceback" not in said.err + said.out
    assert said.out == ""


def test_there_are_enough_of_them():
    assert len(BAD) == len({arguments for arguments, _ in BAD}) >= 90


@pytest.mark.parametrize("name", ["twice.csv", "zero.csv", "crossed.csv", "empty.csv", "nan.csv"])
def test_check_tells_what_is_wrong_with_a_file(drltrade, mistakes, name):
    said = drltrade("data", "check", name)
    assert said.code == 1
    assert "cannot be used" in said.out
    assert "error: " in said.out
    assert json.loads(drltrade("data", "check", name, "--json").out)["ok"] is False


@pytest.mark.parametrize(
    "arguments",
    [
        ("backtest", "buy_and_hodl"),
        ("train", "unknown.yaml"),
        ("backtest", "cash", "--data", "zero.csv"),
    ],
    ids=lambda value: " ".join(value),
)
def test_a_fresh_process_says_the_same(mistakes, arguments):
    done = subprocess.run(
        [sys.executable, "-m", "drltrade", *arguments],
        cwd=mistakes, capture_output=True, text=True, check=False, env=os.environ,
    )  # fmt: skip
    assert done.returncode in (1, 2)
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stderr.startswith("drltrade: ")
