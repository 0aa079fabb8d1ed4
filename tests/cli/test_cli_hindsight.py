"""What the command line says of hindsight: the share of it, exact or a bound, and why."""

import json

LATE = ("--start", "2012-06-01")


def test_every_backtest_tells_its_share_and_what_of(drltrade):
    said = drltrade("backtest", "sma_cross", *LATE)
    assert "Share of hindsight" in said.out
    assert "\nHindsight: bound, log growth at most " in said.out


def test_json_tells_growth_share_and_whether_it_is_exact(drltrade):
    content = json.loads(drltrade("backtest", "buy_and_hold", *LATE, "--json").out)
    told = content["hindsight"]
    assert told.keys() == {"growth", "exact", "share", "why"}
    assert told["exact"] is False
    assert told["share"] == content["metrics"]["hindsight_share"] < 1
    assert told["why"].startswith("bound: ")


def test_long_only_any_weights_are_exact(drltrade):
    said = drltrade(
        "backtest", "equal_weight", "--symbols", "AAPL,IBM", "--set", "env.actions=portfolio",
        *LATE, "--json",
    )  # fmt: skip
    assert json.loads(said.out)["hindsight"]["exact"] is True


def test_hindsight_is_backtested_by_name_and_never_without_its_label(drltrade, tmp_path):
    said = drltrade("backtest", "hindsight", *LATE, "--out", "page")
    assert said.code == 0
    assert said.out.startswith("hindsight (not causal) on AAPL")
    assert "exact, log growth" in said.out
    assert "warning: NOT CAUSAL: hindsight knows every price to come" in said.err
    page = (tmp_path / "page" / "report.html").read_text(encoding="utf-8")
    assert "hindsight (not causal)" in page
    assert "References: they know more than a trader can" in page


def test_a_bound_ends_in_one_sentence_that_says_it(drltrade):
    said = drltrade("backtest", "hindsight", *LATE, "--set", "env.actions=continuous")
    assert said.code == 2
    assert said.out == ""
    assert "only a limit: no account's log growth exceeds" in said.last
    assert "(bound: " in said.last


def test_a_near_miss_is_offered(drltrade):
    assert "Did you mean 'hindsight'" in drltrade("backtest", "hindsigt").last
