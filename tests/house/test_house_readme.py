"""What the documents say is true: their commands run, their code runs, their files exist."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its lines, and the file that its first line names."""

    language: str
    text: str

    @property
    def file(self) -> str | None:
        match = re.match(r"# (\S+/\S+\.(?:py|yaml))\n", self.text)
        return match[1] if match else None


def blocks(*languages: str) -> list[Block]:
    found = re.findall(r"^```(\w+)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
    return [Block(language, text) for language, text in found if language in languages]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder; `lab`, which the first commands make in it, gets a file of prices."""
    return tmp_path_factory.mktemp("readme")


def run(command: list[str | Path], cwd: Path) -> str:
    environment = dict(os.environ)
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    answer = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    told = f"{command}\n{answer.stdout[-2000:]}\n{answer.stderr[-2000:]}"
    assert answer.returncode == 0, told
    assert "Traceback" not in answer.stderr, told
    return answer.stdout


def write_prices(path: Path) -> None:
    from drltrade.data import load_market

    market = load_market("sample", symbols=["IBM"], start="2008-01-01")
    names = ("open", "high", "low", "close", "volume")
    columns = [getattr(market, name)[:, 0] for name in names]
    rows = [
        f"{str(stamp)[:10]},{','.join(repr(float(value)) for value in values)}"
        for stamp, *values in zip(market.stamps, *columns, strict=True)
    ]
    path.write_text("\n".join([f"date,{','.join(names)}", *rows]) + "\n", encoding="utf-8")


@pytest.mark.slow
def test_every_command_and_every_code_block_of_the_readme_runs_as_printed(workspace: Path) -> None:
    here, ran = workspace, 0
    for block in blocks("console", "python", "yaml"):
        if block.file:
            (here / block.file).write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            run(
                [sys.executable, "-W", "error::DeprecationWarning:__main__", "-c", block.text], here
            )
            ran += 1
        else:
            for line in block.text.splitlines():
                command = shlex.split(line.removeprefix("$ "), comments=True)
                if command[0] == "make":  # this is what runs this test
                    assert f"\n{command[1]}:" in MAKEFILE
                elif command[0] == "cd":
                    here = here / command[1]
                    write_prices(here / "prices.csv")
                else:
                    assert run([*command], here).strip()
                    ran += 1
    assert ran >= 10


def test_every_file_that_the_documents_name_exists() -> None:
    made = {block.file for block in blocks("python", "yaml")} | {"path.py", "mine.py", "prices.csv"}
    named = set(re.findall(r"`([\w./-]+/|[\w./-]+\.(?:py|yaml|toml|txt|md))(?::\w+)?`",
                           README + CONTRIBUTING))  # fmt: skip
    assert len(named) > 20
    missing = {name for name in named if name not in made and not (ROOT / name).exists()}
    assert not missing


def test_every_table_that_the_recipes_name_is_where_they_say() -> None:
    rows = [line.split("|") for line in CONTRIBUTING.splitlines() if line.startswith("| a")]
    assert len(rows) == 6
    for _, _, recipe, table, _ in rows:
        (name,) = re.findall(r"`([A-Z]+)`", table)
        (*_, file) = re.findall(r"`(drltrade/\S+\.py)`", recipe + table)
        assert re.search(rf"^{name}\b.* = ", (ROOT / file).read_text(encoding="utf-8"), re.M)


def test_every_make_target_that_the_documents_name_exists_and_explains_itself() -> None:
    targets = set(re.findall(r"\bmake (\w+)", README + CONTRIBUTING)) - {"it"}
    assert targets >= {"demo", "test"}
    assert not {name for name in targets if f"\n{name}:" not in MAKEFILE}
    for name in ("setup", "demo", "test", "check", "fix", "bench"):
        assert f"\n{name}:" in MAKEFILE
        assert f"'make {name} " in MAKEFILE


def test_the_table_of_the_demo_was_really_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The baselines' rows are computed again, to the digit; the agents' rows name who trained."""
    from drltrade.cli.tables import print_comparison
    from drltrade.experiments.experiment import run_experiment
    from drltrade.experiments.plan import Choice, read_experiment
    from drltrade.report import comparison_table

    (printed,) = (block.text for block in blocks("text") if "buy_and_hold" in block.text)
    rows = [" ".join(line.split()) for line in printed.splitlines()]
    content, _ = read_experiment(ROOT / "experiments" / "demo.yaml")
    brief = Choice(agents=("reinforce",), seeds=1, steps=256)
    result = run_experiment(content, out=tmp_path, workers=1, choice=brief)
    assert f"Test interval {result.plan.tested}" in rows[0]
    assert f"medians over {content['seeds']} seeds" in rows[0]
    for agent in content["agents"]:
        assert any(re.match(rf"{agent} -?[\d.]+ % -?[\d.]+ to -?[\d.]+ % ", row) for row in rows)

    print_comparison(comparison_table(result.entries))
    again = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    names = tuple(content["baselines"])
    assert [row for row in again if row.startswith(names)] == [
        row for row in rows if row.startswith(names)
    ]
    assert len([row for row in rows if row.startswith(names)]) == len(names)
