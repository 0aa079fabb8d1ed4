"""`drltrade reproduce` says what became of each job, and leaves with 0, 1 or 2."""

import json
import shutil
from pathlib import Path

import pytest
from small_worlds import TINY_EXPERIMENT

from drltrade.experiments.experiment import run_experiment
from drltrade.experiments.runner import run_jobs


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of two jobs of one agent."""
    brief = {"baselines": ["cash"], "diagnostics": False, "agents": TINY_EXPERIMENT["agents"][:1]}
    out = tmp_path_factory.mktemp("runs")
    budget = {"steps": 512, "evaluations": 1}
    run_experiment(TINY_EXPERIMENT | brief | {"budget": budget}, out=out, workers=1)
    return out / "tiny"


@pytest.fixture
def run(trained, drltrade, monkeypatch):
    """The same run below the current folder, whose jobs are done again in this process."""
    shutil.copytree(trained, Path("runs", "tiny"))
    in_this_process = lambda jobs, work, report, workers, *, fresh: run_jobs(jobs, work, report)  # noqa: E731
    monkeypatch.setattr("drltrade.experiments.reproduce.run_jobs", in_this_process)
    return lambda *arguments: drltrade("reproduce", *arguments)


def test_a_run_that_comes_out_the_same_leaves_with_0(run):
    said = run("tiny", "--jobs", 1)
    assert said.code == 0
    assert "identical" in said.out
    assert "1 of 1 identical, bit for bit." in said.out
    assert "steps/s" in said.err
    assert not list(Path().rglob("*.partial"))
    assert {path.name for path in Path().iterdir()} == {"runs"}


def test_json_has_its_promised_keys_and_nothing_else_on_stdout(run):
    said = run("tiny", "--agent", "ppo", "--json")
    content = json.loads(said.out)
    assert content["identical"] is True
    assert content["unfinished"] == []
    assert len(content["jobs"]) == 2
    for job in content["jobs"]:
        assert job["job"].startswith("ppo-seed")
        assert (job["identical"], job["done"], job["differences"]) == (True, True, [])


def test_a_run_that_differs_leaves_with_1_and_is_kept_where_it_is_wished(run):
    (file,) = Path("runs/tiny").glob("ppo-seed0-*/metrics.json")
    result = json.loads(file.read_text())
    result["metrics"]["sharpe"] = 9.0
    file.write_text(json.dumps(result))
    said = run("tiny", "--keep", "again")
    assert said.code == 1
    assert "differs: metrics.json: metrics.sharpe 9.0 then" in " ".join(said.out.split())
    assert "1 of 2 identical" in said.out
    assert len(list(Path("again").rglob("policy.safetensors"))) == 2
    said = run("tiny", "--keep", "again")
    assert said.code == 2
    assert "is there already" in said.last


def test_what_is_not_finished_is_left_out_and_named(run):
    (file,) = Path("runs/tiny").glob("ppo-seed1-*/metrics.json")
    file.unlink()
    said = run("tiny")
    assert said.code == 0
    assert f"1 of its jobs are not finished and left out: {file.parent.name}" in said.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["tinny"], 2, "Did you mean 'tiny'"),
        (["file.csv"], 2, "There is no run 'file.csv'"),
        ([], 2, "Missing argument"),
        (["tiny", "--jobs", "none"], 2, "--jobs is 'none'"),
        (["tiny", "--agent", "poo"], 2, "Did you mean 'ppo'"),
        (["empty"], 2, "holds no finished run"),
        (["damaged"], 1, "damaged"),
        (["odd"], 1, "its 'jobs' is no list"),
    ],
)
def test_mistakes_are_answered_in_a_sentence(run, arguments, code, words):
    Path("file.csv").write_text("date,close\n")
    Path("empty").mkdir()
    shutil.copytree("runs/tiny", "odd")
    Path("odd/experiment.json").write_text('{"jobs": 5}')
    shutil.copytree(next(Path("runs/tiny").glob("ppo-seed0-*")), "damaged")
    Path("damaged/job.json").write_text("[" * 100_000)
    said = run(*arguments)
    assert said.code == code
    assert words in " ".join((said.out + said.err).split())
    assert "Traceback" not in said.err


def test_a_saved_backtest_is_reproduced(drltrade):
    assert drltrade("backtest", "sma_cross", "--start", "2012", "--out", "saved").code == 0
    assert drltrade("backtest", "sma_cross", "--start", "2012", "--out", "saved").code == 0
    said = drltrade("reproduce", "saved")
    assert (said.code, said.err) == (0, "")
    assert "1 of 1 identical" in said.out
