"""Every bad file is answered with one or two sentences that name file, place, value and fix."""

from __future__ import annotations

import gzip
import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from drltrade.data import load_market
from drltrade.data.check import check_file
from drltrade.errors import DataError, UsageError

HEAD = "date,open,high,low,close,volume\n"
ROWS = [
    "2020-01-01,10,11,9,10.5,100",
    "2020-01-02,10.5,12,10,11,120",
    "2020-01-03,11,11.5,10.5,11.2,90",
    "2020-01-06,11.2,11.4,11,11.1,80",
]


def csv(*changes: tuple[int, str], head: str = HEAD) -> bytes:
    """The good file with some lines replaced; line 2 is the first row, as an editor counts."""
    rows = dict(enumerate(ROWS, start=2)) | dict(changes)
    return (head + "\n".join(rows[line] for line in sorted(rows)) + "\n").encode()


def parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


FRAME = pd.DataFrame(
    {
        "date": pd.date_range("2020-01-01", periods=4),
        "open": [10.0, 10.5, 11, 11.2],
        "high": [11.0, 12, 11.5, 11.4],
        "low": [9.0, 10, 10.5, 11],
        "close": [10.5, 11, 11.2, 11.1],
    }
)


@dataclass(frozen=True)
class Bad:
    content: bytes
    says: tuple[str, ...]
    name: str = "p.csv"


BAD = {
    "empty file": Bad(b"", ("empty",)),
    "blank lines only": Bad(b"\n\n\n", ("no columns", "Save")),
    "header only": Bad(HEAD.encode(), ("no rows",)),
    "no header": Bad("\n".join(ROWS).encode(), ("no header line", "date,open,high")),
    "no close": Bad(
        b"date,open,high,low\n2020-01-01,1,1,1\n", ("no close column", "date, open, high, low")
    ),
    "no high": Bad(b"date,open,low,close\n2020-01-01,1,1,1\n", ("lacks the column high",)),
    "no dates": Bad(b"open,high,low,close\n1,1,1,1\n", ("no column of dates", "open, high")),
    "dates and nothing else": Bad(b"date\n2020-01-01\n", ("no prices",)),
    "column twice": Bad(b"date,close,Close\n2020-01-01,1,2\n", ("two columns named 'close'",)),
    "column twice, same case": Bad(
        b"date,close,close\n2020-01-01,1,2\n", ("two columns named 'close'",)
    ),
    "ragged row": Bad(csv((4, "2020-01-03,11,12,10,11,5,6,7")), ("not a table", "line 4")),
    "unsorted": Bad(
        csv((3, ROWS[2]), (4, ROWS[1])), ("line 4", "2020-01-02", "follows 2020-01-03", "Sort")
    ),
    "newest first": Bad((HEAD + "\n".join(reversed(ROWS))).encode(), ("new to old", "Reverse")),
    "duplicate stamp": Bad(csv((4, ROWS[1])), ("line 4", "2020-01-02 stands twice", "line 3")),
    "bad date": Bad(csv((3, "2020-02-31,10,11,9,10,1")), ("line 3", "'2020-02-31'", "not a date")),
    "word for a date": Bad(csv((5, "total,1,1,1,1,1")), ("line 5", "'total'", "not a date")),
    "missing date": Bad(csv((3, ",10,11,9,10,1")), ("line 3", "stamp is missing")),
    "far future": Bad(csv((5, "9999-01-01,1,1,1,1,1")), ("line 5", "'9999-01-01'")),
    "number for a date": Bad(
        b"date,close\n1,10\n2,11\n", ("line 2", "neither a date nor an epoch")
    ),
    "day or month first": Bad(
        b"date,close\n01/02/2020,1\n02/02/2020,2\n03/02/2020,3\n", ("day or the month first",)
    ),
    "offset on some": Bad(
        csv((2, "2020-01-01 10:00+00:00,10,11,9,10,1"), (3, "2020-01-02 10:00,10,11,9,10,1")),
        ("line 3", "mix time zones"),
    ),
    "offsets of two places": Bad(
        b"date,close\n2020-01-01 10:00+01:00,1\n2020-01-02 10:00-05:00,2\n",
        ("line 3", "mix time zones", "+01:00", "-05:00"),
    ),
    "missing close": Bad(csv((3, "2020-01-02,10,11,9,,5")), ("line 3", "close of p is missing")),
    "missing low": Bad(csv((4, "2020-01-03,10,11,,10,5")), ("line 4", "low of p is missing")),
    "missing volume": Bad(csv((4, "2020-01-03,10,11,9,10,")), ("line 4", "volume of p is missing")),
    "zero close": Bad(csv((3, "2020-01-02,10,11,0,0,5")), ("line 3", "is 0", "above zero")),
    "negative price": Bad(csv((3, "2020-01-02,10,11,-9,10,5")), ("line 3", "low of p is -9")),
    "negative volume": Bad(csv((3, "2020-01-02,10,11,9,10,-5")), ("line 3", "volume of p is -5")),
    "infinite price": Bad(csv((3, "2020-01-02,10,inf,9,10,5")), ("line 3", "high of p is inf")),
    "price of no market": Bad(
        csv((3, "2020-01-02,10,1e300,9,10,5")), ("line 3", "high of p is 1e")
    ),
    "volume of no market": Bad(csv((3, "2020-01-02,10,11,9,10,1e99")), ("beyond any volume",)),
    "quote left open": Bad(csv((3, '2020-01-02,10,11,9,"10,5')), ("'p.csv'",)),
    "word for a price": Bad(csv((3, "2020-01-02,10,11,9,n.a.,5")), ("line 3", "close is 'n.a.'")),
    "thousands": Bad(csv((3, '2020-01-02,10,11,9,"1,010.5",5')), ("line 3", "'1,010.5'")),
    "volume with a unit": Bad(csv((3, "2020-01-02,10,11,9,10,2.5M")), ("volume is '2.5M'",)),
    "high below close": Bad(
        csv((3, "2020-01-02,10,10.2,9,10.9,5")), ("line 3", "high of p is 10.2", "below", "10.9")
    ),
    "low above open": Bad(
        csv((3, "2020-01-02,10,12,10.5,11,5")), ("line 3", "low of p is 10.5", "above", "10")
    ),
    "workbook": Bad(b"PK\x03\x04" + b"\0" * 40, ("workbook",)),
    "web page": Bad(b"<!DOCTYPE html><html></html>", ("web page",)),
    "json": Bad(b'{"date": []}', ("JSON",)),
    "binary": Bad(b"abc\0\1\2", ("binary",)),
    "utf-16": Bad(HEAD.encode("utf-16"), ("UTF-16",)),
    "latin-1": Bad("date,close,café\n2020-01-01,1,é\n".encode("latin-1"), ("UTF-8",)),
    "prose": Bad(b"Dear Sir,\nplease find enclosed, as agreed, the prices.\n", ("'p.csv'",)),
    "parquet named csv": Bad(parquet(FRAME), (".parquet",)),
    "csv named parquet": Bad(csv(), ("not a readable parquet",), "p.parquet"),
    "cut parquet": Bad(parquet(FRAME)[:200], ("not a readable parquet",), "p.parquet"),
    "not gzip": Bad(csv(), ("not gzip",), "p.csv.gz"),
    "cut gzip": Bad(gzip.compress(csv() * 50)[:60], ("'p.csv.gz'",), "p.csv.gz"),
    "gzip named csv": Bad(gzip.compress(csv()), (".csv.gz",)),
    "unknown ending": Bad(csv(), ("must end in",), "p.xlsx"),
    "nan in parquet": Bad(
        parquet(FRAME.assign(close=[10.5, np.nan, 11.2, 11.1])),
        ("row 2", "close of p is missing"),
        "p.parquet",
    ),
    "hole in a wide column": Bad(
        b"date,A,B\n2020-01-01,1,2\n2020-01-02,,2\n2020-01-03,1,2\n", ("line 3", "close of A")
    ),
    "empty wide column": Bad(
        b"date,A,B\n2020-01-01,1,\n2020-01-02,1,\n", ("column B", "no prices")
    ),
    "symbol missing": Bad(
        b"date,symbol,close\n2020-01-01,A,1\n2020-01-01,,2\n", ("line 3", "symbol")
    ),
    "duplicate within a symbol": Bad(
        b"date,symbol,close\n2020-01-01,A,1\n2020-01-01,B,1\n2020-01-01,A,2\n",
        ("line 4", "stands twice for A"),
    ),
    "symbols that never meet": Bad(
        b"date,symbol,close\n2020-01-01,A,1\n2020-01-02,B,1\n", ("share no bar", "A 2020-01-01")
    ),
    "zero adjusted close": Bad(
        b"date,close,Adj Close\n2020-01-01,1,1\n2020-01-02,1,0\n", ("line 3", "adjusted close")
    ),
    "zero raw close": Bad(
        b"date,close,Adj Close\n2020-01-01,1,1\n2020-01-02,0,1\n", ("line 3", "close of p is 0")
    ),
}


@pytest.fixture
def bad_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest):
    case = BAD[request.param]
    monkeypatch.chdir(tmp_path)
    Path(case.name).write_bytes(case.content)
    return case


def test_there_are_at_least_thirty_bad_files() -> None:
    assert len(BAD) >= 30


@pytest.mark.parametrize("bad_file", BAD, indirect=True)
def test_loading_answers_in_a_sentence(bad_file: Bad) -> None:
    with pytest.raises(DataError) as caught:
        load_market(bad_file.name)
    sentence = str(caught.value)
    assert caught.value.exit_code == 1
    assert "\n" not in sentence
    assert len(sentence) < 320, sentence
    assert sentence.endswith(".")
    assert len(re.findall(r"\.( [A-Z0-9]|$)", sentence)) <= 3, sentence
    for part in bad_file.says:
        assert part in sentence, sentence


@pytest.mark.parametrize("bad_file", BAD, indirect=True)
def test_checking_answers_without_an_exception(bad_file: Bad) -> None:
    report = check_file(bad_file.name)
    assert not report.ok
    assert any(all(part in error for part in bad_file.says) for error in report.errors)
    assert "cannot be used" in str(report)


def test_the_unchanged_file_is_good(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_bytes(csv())
    market = load_market(tmp_path / "p.csv")
    assert market.close[:, 0].tolist() == [10.5, 11, 11.2, 11.1]
    assert market.notes == ()


def test_a_check_lists_every_fault_at_once(tmp_path: Path) -> None:
    rows = ["2020-01-01,10,11,9,10.5,-1", "2020-01-02,10,10.1,9,10.9,5", "2020-01-03,0,11,0,10,5"]
    (tmp_path / "p.csv").write_text(HEAD + "\n".join(rows))
    errors = check_file(tmp_path / "p.csv").errors
    assert [re.search(r"(open|high|low|volume) of p", e)[1] for e in errors] == [
        "open", "low", "volume", "high",
    ]  # fmt: skip


def test_a_check_lists_unreadable_stamps_beside_the_other_faults(tmp_path: Path) -> None:
    rows = ["2020-01-01,10,11,9,10.5,1", "2020-02-31,10,11,9,10,5", ",10,11,9,10,5"]
    rows += ["2020-01-03,10,11,9,10,-5", "soon,10,11,9,10,5"]
    (tmp_path / "p.csv").write_text(HEAD + "\n".join(rows))
    errors = check_file(tmp_path / "p.csv").errors
    assert [re.search(r"line (\d+)", error)[1] for error in errors] == ["4", "3", "6", "5"]
    assert "the stamp is missing" in errors[0]
    assert "'2020-02-31' is not a date" in errors[1]
    assert "volume of p is -5" in errors[3]
    with pytest.raises(DataError, match="line 4: the stamp is missing"):
        load_market(tmp_path / "p.csv")


def test_ten_unreadable_stamps_are_listed_and_the_rest_counted(tmp_path: Path) -> None:
    good = "".join(f"2020-01-{day:02d},1\n" for day in range(1, 6))
    bad = "".join(f"2020-02-{day},1\n" for day in range(30, 43))
    (tmp_path / "p.csv").write_text("date,close\n" + good + bad)
    errors = check_file(tmp_path / "p.csv").errors
    assert len(errors) == 11
    assert "line 7: the stamp '2020-02-30'" in errors[0]
    assert errors[-1].endswith("3 more stamps cannot be read.")


def test_a_file_without_any_stamp_ends_in_words(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("date,close\nmorning,1\nevening,2\n")
    errors = check_file(tmp_path / "p.csv").errors
    assert "'morning' is not a date" in errors[0]
    assert "no row whose stamp can be read" in errors[-1]


def test_the_sample_can_be_checked_by_its_name() -> None:
    report = check_file("sample")
    assert report.ok
    assert [one.symbol for one in report.symbols] == ["AAPL", "FB", "GOOG", "IBM", "MSFT"]
    assert report.bars == 196
    with pytest.raises(UsageError, match="The sample holds adjusted prices only"):
        check_file("sample", raw=True)


def test_line_numbers_count_blank_lines(tmp_path: Path) -> None:
    text = HEAD + ROWS[0] + "\n\n\n" + "2020-01-02,10,11,9,-1,5\n"
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(DataError, match="line 5"):
        load_market(tmp_path / "p.csv")


WORDS = (
    b"nan -1 0 1e400 1e-320 abc True 2020-02-30 99999999999999999999 Z +05:00 NaT 0001-01-01 close"
)
WRECKS = [*WORDS.split(), b"", b",", b'"', b"\n", b";", b"\xff"]
LONG = b"date,symbol,open,high,low,close,Adj Close,volume,vix\n" + b"".join(
    b"2020-01-%02d,%s,10,12,9,11,11,100,3\n" % (day, name)
    for name in (b"A", b"B")
    for day in (2, 3, 7)
)
WIDE = b"date,A,B,C\n" + b"".join(b"2020-01-%02d,10,12,9\n" % day for day in range(1, 9))


def wreck(rng: np.random.Generator, content: bytes) -> bytes:
    """Overwrites cells, cuts the file, or drops a line."""
    for _ in range(rng.integers(1, 4)):
        lines = content.split(b"\n")
        row = rng.integers(len(lines))
        cells = lines[row].split(b",")
        cells[rng.integers(len(cells))] = WRECKS[rng.integers(len(WRECKS))]
        lines[row] = b",".join(cells)
        if rng.random() < 0.2:
            del lines[rng.integers(len(lines))]
        content = b"\n".join(lines)
        if rng.random() < 0.1:
            content = content[: rng.integers(1, len(content) + 1)]
    return content


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_to_a_file_it_loads_or_is_refused_in_words(tmp_path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    path = tmp_path / "p.csv"
    refused: list[str] = []
    for content in (csv(), LONG, WIDE) * 12:
        path.write_bytes(wreck(rng, content))
        report = check_file(path)
        if report.ok:
            assert load_market(path).bars == report.bars
        else:
            with pytest.raises(DataError) as caught:
                load_market(path)
            refused.append(str(caught.value))
    assert len(refused) >= 5
    assert not [sentence for sentence in refused if "\n" in sentence or len(sentence) > 400]


def test_no_file_is_changed_by_a_check(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_bytes(csv())
    check_file(tmp_path / "p.csv")
    assert (tmp_path / "p.csv").read_bytes() == csv()
    assert [path.name for path in tmp_path.iterdir()] == ["p.csv"]
