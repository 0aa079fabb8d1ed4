"""Settings: strict YAML in, typed models out, and each mistake told in one sentence."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import model_validator

from drltrade.config import Settings, dump_yaml, override, parse, read_yaml
from drltrade.errors import UsageError


@dataclass(frozen=True)
class Fee:
    rate: float = 0.5
    minimum: float = 0.0


@dataclass(frozen=True)
class Fees:
    commission: Fee = field(default_factory=Fee)


class Source(Settings):
    source: str = "sample"
    symbols: list[str] | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"source": value} if isinstance(value, str) else value


class Inner(Settings):
    fees: Fees = Fees()
    data: Source = Source()
    reward: str | dict[str, float] = "profit"
    window: int = 16
    level: float | None = None
    many: list[Source] | None = None
    shuffle: bool = False


class Outer(Settings):
    env: str | Inner = "here"
    seeds: int | list[int] = 1


def write(folder: Path, text: str) -> Path:
    path = folder / "x.yaml"
    path.write_text(text, encoding="utf-8")
    return path


# Unknown keys and wrong values


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"windw": 3}, "Unknown key 'windw'. Did you mean 'window'?"),
        ({"data": {"symbol": []}}, "'data.symbol'. Did you mean 'symbols'? Allowed: source, sym"),
        ({"fees": {"comission": {}}}, "Unknown key 'fees.comission'. Did you mean 'commission'?"),
        ({"fees": {"commission": {"rat": 1}}}, "Did you mean 'rate'? Allowed: rate, minimum."),
        ({"many": [{"sourc": "x"}]}, "Unknown key 'many.0.sourc'. Did you mean 'source'?"),
        ({"window": "wide"}, "'window' must be a whole number but is 'wide'."),
        ({"window": 2.5}, "'window' must be a whole number but is 2.5."),
        ({"window": True}, "'window' must be a number but is true."),
        ({"fees": 3}, "'fees' must be a mapping but is 3."),
        ({"reward": 5}, "'reward' must be text or a mapping but is 5."),
        ({"reward": {"profit": "much"}}, "'reward.profit' must be a number but is 'much'."),
        ({"data": {"symbols": "AAPL"}}, "'data.symbols' must be a list but is 'AAPL'."),
        ({1: 2}, "The key '1' must be text."),
    ],
)
def test_a_mistake_is_one_sentence_with_the_key_the_value_and_what_is_allowed(
    content: dict[Any, Any], sentence: str
) -> None:
    with pytest.raises(UsageError) as caught:
        parse(Inner, content, "envs/x.yaml")
    assert str(caught.value).startswith("envs/x.yaml: ")
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_mistake_inside_one_of_several_forms_names_the_users_key_alone() -> None:
    with pytest.raises(UsageError) as caught:
        parse(Outer, {"env": {"windw": 3}}, "x")
    assert str(caught.value).startswith("x: Unknown key 'env.windw'. Did you mean 'window'?")
    assert "Inner" not in str(caught.value)


def test_two_mistakes_are_told_together() -> None:
    with pytest.raises(UsageError, match=r"'window' must .* Unknown key 'zzz'"):
        parse(Inner, {"window": "x", "zzz": 1}, "x")


def test_settings_are_frozen_and_whole_numbers_serve_where_numbers_are_wanted() -> None:
    settings = parse(Inner, {"level": 2, "fees": {"commission": {"rate": 0}}}, "x")
    assert settings.level == 2.0
    assert settings.fees.commission.rate == 0.0
    with pytest.raises(ValueError, match="frozen"):
        settings.window = 3


# Reading


def test_plain_words_stay_what_they_look_like(tmp_path: Path) -> None:
    text = "a: [ON, NO, y, true, 0700, 12:30, 1e-4, 1_000, 2010-01-02, ~, 7.5]\nb: {c: .inf}\nd:\n"
    assert read_yaml(write(tmp_path, text)) == {
        "a": ["ON", "NO", "y", True, "0700", "12:30", 1e-4, 1000, "2010-01-02", None, 7.5],
        "b": {"c": float("inf")},
        "d": None,
    }


def test_an_empty_file_is_an_empty_mapping(tmp_path: Path) -> None:
    assert read_yaml(write(tmp_path, "# nothing yet\n")) == {}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3: the key 'a' is written twice"),
        ("a: {b: 1, b: 2}\n", "line 1: the key 'b' is written twice"),
        ("a: [1,\n", "is not YAML"),
        ("- 1\n", "holds a list; it must be a mapping"),
        ("just words\n", "holds text; it must be a mapping"),
        ("7\n", "holds a single value; it must be a mapping"),
        ("a: !!python/object/apply:os.getcwd []\n", "could not determine a constructor"),
        ("? [1]\n: 2\n", "unhashable key"),
        ("a: 1\n---\nb: 2\n", "another document"),
        ("a: \x01\n", "is not YAML"),
        ("[" * 3000, "is not YAML"),
        ("a: *nothing\n", "undefined alias"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_name(
    tmp_path: Path, text: str, sentence: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        read_yaml(path)
    assert str(path) in str(caught.value)
    assert sentence in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_missing_file_a_folder_and_bytes_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_yaml(tmp_path / "none.yaml")
    with pytest.raises(UsageError, match="Cannot read"):
        read_yaml(tmp_path)
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="UTF-8"):
        read_yaml(tmp_path / "b.yaml")


def test_inheritance_is_no_part_of_a_settings_file(tmp_path: Path) -> None:
    content = read_yaml(write(tmp_path, "base: &b {window: 3}\nenv:\n  <<: *b\n"))
    assert content["env"] == {"<<": {"window": 3}}


def test_what_is_written_reads_back_the_same(tmp_path: Path) -> None:
    content = {
        "text": [
            "on",
            "1e3",
            "0700",
            "2010-01-01",
            "12:30",
            "",
            "null",
            "é",
            "1_0",
            ".5",
            "=",
            "<<",
        ],
        "numbers": [1, -2.5, 1e-5, 1e300, 0, True, None],
        "order": {"z": 1, "a": 2},
    }
    again = read_yaml(write(tmp_path, dump_yaml(content)))
    assert again == content
    assert list(again["order"]) == ["z", "a"]


# Overriding one value


def test_a_dotted_key_replaces_one_value_and_leaves_the_rest() -> None:
    content = {"env": {"fees": {"commission": {"rate": 1, "minimum": 2}}}, "seeds": 3}
    changed = override(content, "env.fees.commission.rate=0.001")
    assert changed == {"env": {"fees": {"commission": {"rate": 0.001, "minimum": 2}}}, "seeds": 3}
    assert content["env"] == {"fees": {"commission": {"rate": 1, "minimum": 2}}}


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("a.b=[1, 2]", [1, 2]),
        ("a.b=1e-3", 0.001),
        ("a.b=null", None),
        ("a.b=", None),
        ("a.b=x=y", "x=y"),
        ("a.b={c: d}", {"c": "d"}),
        ("a.b=envs/rewards.py:careful", "envs/rewards.py:careful"),
        ("a.b=2010-01-01", "2010-01-01"),
    ],
)
def test_the_value_is_read_as_it_would_be_in_a_file(assignment: str, value: object) -> None:
    assert override({}, assignment) == {"a": {"b": value}}
    assert override({"a": None}, assignment) == {"a": {"b": value}}


@pytest.mark.parametrize(
    "assignment", ["a", "=1", "a.=1", ".a=1", "a=[1", "a={b: 1, b: 2}", "a=!!python/name:os.sep"]
)
def test_an_assignment_that_cannot_be_read_is_refused(assignment: str) -> None:
    with pytest.raises(UsageError, match=r"Write key=value|cannot be read"):
        override({}, assignment)


def test_a_key_may_run_through_a_short_form_when_the_model_is_known() -> None:
    content = {"env": {"data": "mine.csv"}}
    changed = override(content, "env.data.symbols=[MSFT]", Outer)
    assert changed == {"env": {"data": {"source": "mine.csv", "symbols": ["MSFT"]}}}
    assert parse(Outer, changed, "x").env.data.symbols == ["MSFT"]
    assert content == {"env": {"data": "mine.csv"}}


def test_a_key_that_runs_through_a_plain_value_is_refused() -> None:
    for model in (None, Outer):
        with pytest.raises(UsageError, match="'env' is the single value 'here'"):
            override({"env": "here"}, "env.window=3", model)
        with pytest.raises(UsageError, match="'window' is the single value '3'"):
            override({"env": {"window": 3}}, "env.window.x=3", model)
