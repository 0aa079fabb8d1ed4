"""A snapshot comes back bit for bit, or not at all."""

import contextlib
import math
import os
import signal
import struct
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from drltrade.agents.snapshot import Damaged, load_tree, save_tree
from drltrade.errors import DrltradeError
from drltrade.sim import rows

STRUCTURED = (
    rows.ACCOUNT,
    np.dtype([("x", [("y", "i4"), ("z", "U3")], (2,)), ("flag", "?")], align=True),
    np.dtype([(("title", "name"), ">f8")]),
)
TENSORS = (
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32,
    torch.int16, torch.int8, torch.uint8, torch.bool, torch.complex64, torch.float8_e4m3fn,
)  # fmt: skip

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.text()
    | st.sampled_from(
        [np.float64(-0.0), np.float32("nan"), np.int8(-3), np.bool_(True), np.str_("ü")]
    )
)


@st.composite
def arrays(draw):
    kind = draw(hnp.scalar_dtypes() | st.sampled_from(STRUCTURED))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    if kind.itemsize == 0 or kind.kind in "MmUSV":
        size = math.prod(shape) * kind.itemsize
        raw = np.frombuffer(draw(st.binary(min_size=size, max_size=size)), np.uint8)
        if kind.kind == "U" or kind.names or not kind.itemsize:
            return np.zeros(shape, kind)
        return raw.copy().view(kind).reshape(shape)
    size = math.prod(shape) * kind.itemsize
    raw = np.frombuffer(draw(st.binary(min_size=size, max_size=size)), np.uint8).copy()
    if kind.kind == "b":
        raw %= 2
    return raw.view(kind).reshape(shape)


@st.composite
def tensors(draw):
    kind = draw(st.sampled_from(TENSORS))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    size = math.prod(shape) * kind.itemsize
    raw = torch.tensor(list(draw(st.binary(min_size=size, max_size=size))), dtype=torch.uint8)
    if kind == torch.bool:
        raw %= 2
    return raw.view(kind).reshape(shape)


trees = st.recursive(
    scalars | arrays() | tensors(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=4)
    ),
    max_leaves=12,
)


def same(one, other) -> bool:
    """Says whether two trees are equal in every type and bit."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, torch.Tensor):
        bits = [each.reshape(-1).view(torch.uint8) for each in (one, other)]
        return one.dtype == other.dtype and one.shape == other.shape and torch.equal(*bits)
    if isinstance(one, np.ndarray | np.generic):
        same_kind = one.dtype == other.dtype and one.shape == other.shape
        return same_kind and one.tobytes() == other.tobytes()
    if isinstance(one, float):
        return struct.pack("d", one) == struct.pack("d", other)
    return one == other


@settings(deadline=None)
@given(tree=trees)
def test_every_tree_comes_back_bit_for_bit(tmp_path_factory, tree):
    path = tmp_path_factory.mktemp("trees") / "tree.safetensors"
    save_tree(path, tree)
    assert same(load_tree(path), tree)
    assert os.listdir(path.parent) == [path.name]


def test_payloads_of_nan_survive(tmp_path):
    odd = np.array([0x7FF8DEADBEEF0001, 0xFFF0000000000001, 1 << 63], np.uint64).view(np.float64)
    save_tree(tmp_path / "tree", {"numpy": odd, "torch": torch.from_numpy(odd.copy())})
    back = load_tree(tmp_path / "tree")
    assert back["numpy"].view(np.uint64).tolist() == odd.view(np.uint64).tolist()
    assert back["torch"].view(torch.int64).tolist() == odd.view(np.int64).tolist()


def test_what_lies_in_stripes_is_saved_as_it_is_seen(tmp_path):
    table = np.arange(12.0).reshape(3, 4)
    tensor = torch.arange(12.0).reshape(3, 4)
    saved = {"numpy": table.T[::-1, 1:], "torch": tensor.t()[1:], "conj": torch.tensor([1j]).conj()}
    save_tree(tmp_path / "tree", saved)
    back = load_tree(tmp_path / "tree")
    assert same(back["numpy"], np.ascontiguousarray(saved["numpy"]))
    assert torch.equal(back["torch"], saved["torch"])
    assert torch.equal(back["conj"], saved["conj"])


def test_optimizers_and_generators_come_back(tmp_path):
    layer = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(layer.parameters())
    layer(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    rng = np.random.default_rng(5)
    tree = {
        "optimizer": optimizer.state_dict(),
        "weights": layer.state_dict(),
        "rng": rng.bit_generator.state,
    }
    save_tree(tmp_path / "tree", tree)
    back = load_tree(tmp_path / "tree")
    fresh = torch.optim.Adam(torch.nn.Linear(3, 2).parameters())
    fresh.load_state_dict(back["optimizer"])
    assert same(fresh.state_dict(), optimizer.state_dict())
    other = np.random.default_rng(0)
    other.bit_generator.state = back["rng"]
    assert other.random() == rng.random()


def test_what_comes_back_can_be_written_to(tmp_path):
    save_tree(tmp_path / "tree", [np.zeros(3), torch.zeros(3), np.zeros(1, np.uint8), np.ones(2)])
    for each in load_tree(tmp_path / "tree"):
        each[:] = 1
        assert each.sum() == len(each)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({1.5: 0}, "key of type float"),
        (object(), "object at '/a/0'"),
        (np.array([None]), "array of Python objects"),
        ({1, 2}, "set"),
        (torch.eye(2).to_sparse(), "sparse"),
        (np.ma.array([1], mask=[True]), "MaskedArray"),
        (b"bytes", "bytes"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_its_place(tmp_path, value, told):
    with pytest.raises(DrltradeError, match=told):
        save_tree(tmp_path / "tree", {"a": [value]})
    assert os.listdir(tmp_path) == []


def test_every_damaged_byte_and_every_cut_is_noticed(tmp_path):
    path = tmp_path / "tree"
    tree = {"a": np.arange(3.0), "b": torch.arange(2), "c": [1, "two", float("inf")]}
    save_tree(path, tree)
    whole, harmless = path.read_bytes(), 0
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x20]) + whole[at + 1 :])
        with contextlib.suppress(Damaged):
            assert same(load_tree(path), tree)  # a bit that says nothing, as in a space
            harmless += 1
    assert harmless < 20
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(Damaged):
            load_tree(path)


def test_foreign_and_missing_files_are_told(tmp_path):
    from safetensors.numpy import save_file

    save_file({"x": np.zeros(2)}, tmp_path / "foreign")
    with pytest.raises(Damaged, match="is no snapshot"):
        load_tree(tmp_path / "foreign")
    with pytest.raises(DrltradeError, match="Cannot read"):
        load_tree(tmp_path / "missing")
    (tmp_path / "file").touch()
    with pytest.raises(DrltradeError, match="Cannot write"):
        save_tree(tmp_path / "file" / "tree", {})


def test_a_refused_tree_leaves_the_old_one(tmp_path):
    save_tree(tmp_path / "tree", {"old": 1})
    with pytest.raises(DrltradeError):
        save_tree(tmp_path / "tree", {"new": object()})
    assert load_tree(tmp_path / "tree") == {"old": 1}


WRITER = """
import sys, numpy as np
from pathlib import Path
from drltrade.agents.snapshot import save_tree
for number in range(1, 10**9):
    save_tree(Path(sys.argv[1]), {"number": number, "all": np.full(1_000_000, number)})
    if number == 1:
        print("begun", flush=True)
"""


@pytest.mark.slow
def test_a_kill_while_writing_leaves_a_whole_tree(tmp_path):
    path = tmp_path / "tree"
    for pause in (0.0, 0.011, 0.023, 0.037):
        command = [sys.executable, "-c", WRITER, str(path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "begun\n"
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        tree = load_tree(path)
        assert (tree["all"] == tree["number"]).all()
    save_tree(path, {})
    assert os.listdir(tmp_path) == ["tree"]
