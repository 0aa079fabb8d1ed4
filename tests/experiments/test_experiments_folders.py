"""A run folder is there whole or not at all."""

import os
import subprocess
import sys

import pytest

from drltrade.errors import DrltradeError, UsageError
from drltrade.experiments.folders import building, is_done, job_folders, read_json, write_json
from drltrade.experiments.results import find_run
from drltrade.experiments.workspace import ROOMS, new_workspace
from drltrade.plugins import builtin_workspace


def test_a_folder_appears_when_it_is_whole(tmp_path):
    target = tmp_path / "runs" / "job"
    with building(target) as folder:
        write_json(folder / "metrics.json", {"sharpe": float("nan")})
        assert not target.exists()
        assert list(job_folders(tmp_path / "runs")) == []
    assert is_done(target)
    assert read_json(target / "metrics.json") == {"sharpe": None}
    assert os.listdir(tmp_path / "runs") == ["job"]


def test_a_failure_leaves_nothing(tmp_path):
    def fail():
        with building(tmp_path / "job") as folder:
            (folder / "half").touch()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert os.listdir(tmp_path) == []


def test_a_failure_keeps_what_a_checkpoint_says_how_to_go_on_from(tmp_path):
    def fail():
        with building(tmp_path / "job") as folder:
            (folder / "checkpoint.safetensors").touch()
            (folder / "half").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert os.listdir(tmp_path) == [".job.partial"]
    for name in (".checkpoint.safetensors.partial", "policy.json"):  # of a kill while writing
        (tmp_path / ".job.partial" / name).touch()
    (tmp_path / ".job.partial" / "folder").mkdir()
    with building(tmp_path / "job", keep=["half"]) as folder:
        assert sorted(os.listdir(folder)) == ["checkpoint.safetensors", "half"]
        write_json(folder / "metrics.json", {})
    assert os.listdir(tmp_path) == ["job"]
    assert sorted(os.listdir(tmp_path / "job")) == ["half", "metrics.json"]


def test_what_another_process_finished_first_stays(tmp_path):
    with building(tmp_path / "job") as late:
        write_json(late / "metrics.json", {"who": "late"})
        write_json(tmp_path / "job" / "metrics.json", {"who": "early"})
    assert read_json(tmp_path / "job" / "metrics.json") == {"who": "early"}
    assert os.listdir(tmp_path) == ["job"]


BUILDER = """
import sys, time
from pathlib import Path
from drltrade.experiments.folders import building
with building(Path(sys.argv[1])) as folder:
    (folder / sys.argv[2]).touch()
    print("begun", flush=True)
    time.sleep(60)
"""


def builder(folder, name):
    command = [sys.executable, "-c", BUILDER, str(folder), name]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "begun\n"
    return process


def test_two_processes_never_fill_the_same_folder_and_the_second_says_so(tmp_path):
    process = builder(tmp_path / "job", "half")
    told = rf"Another command is working on '.*job' \(process {process.pid} on .*\)\. Wait for it"
    with pytest.raises(DrltradeError, match=told), building(tmp_path / "job"):
        raise AssertionError
    assert (tmp_path / ".job.partial" / "half").exists()
    with building(tmp_path / "other") as folder:
        write_json(folder / "metrics.json", {})
    process.kill()
    process.communicate()
    with building(tmp_path / "job") as folder:
        assert os.listdir(folder) == []
        write_json(folder / "metrics.json", {})
    assert sorted(os.listdir(tmp_path)) == ["job", "other"]


def test_what_a_killed_process_left_with_a_checkpoint_is_found_again(tmp_path):
    process = builder(tmp_path / "job", "checkpoint.safetensors")
    process.kill()
    process.communicate()
    assert sorted(os.listdir(tmp_path)) == [".job.lock", ".job.partial"]
    with building(tmp_path / "job") as folder:
        assert os.listdir(folder) == ["checkpoint.safetensors"]
        write_json(folder / "metrics.json", {})
    assert os.listdir(tmp_path) == ["job"]
    assert os.listdir(tmp_path / "job") == ["metrics.json"]


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(DrltradeError, match="Choose another --out"),
        building(tmp_path / "file" / "job"),
    ):
        pass


def test_a_damaged_json_file_is_named(tmp_path):
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(DrltradeError, match=r"bad\.json' is damaged"):
        read_json(tmp_path / "bad.json")


def test_a_run_is_found_by_its_name_and_a_misspelt_one_is_corrected(tmp_path):
    write_json(tmp_path / "first" / "ppo" / "metrics.json", {})
    assert find_run("first", tmp_path) == tmp_path / "first"
    with pytest.raises(UsageError, match="Did you mean 'first'"):
        find_run("frist", tmp_path)


def test_a_new_workspace_has_every_shipped_file(tmp_path):
    files = new_workspace(tmp_path / "lab")
    source = builtin_workspace()
    for room in ROOMS:
        shipped = {
            path.relative_to(source)
            for path in (source / room).rglob("*")
            if path.is_file() and "cache" not in path.parts and path.suffix != ".pyc"
            if path.name not in ("BENCH.md", "bench.svg")  # of the library, not of a workspace
        }
        assert {path.relative_to(tmp_path / "lab") for path in files} >= shipped
    assert not list((tmp_path / "lab").rglob("__init__.py"))


def test_a_workspace_overwrites_nothing(tmp_path):
    (tmp_path / "agents").mkdir()
    with pytest.raises(UsageError, match="already has agents"):
        new_workspace(tmp_path)
    assert os.listdir(tmp_path) == ["agents"]
