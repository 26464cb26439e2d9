"""Test that conduct is compared with the version of the rule on that day, that claims
are compared with each count, and that missing data is listed.
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from measured import call, compared, days, excess, findings, peak, total

from provscan.ledger.database import rows

CASE, CHANGED, CAP, NOTICE = (
    Path(__file__).with_name(f"{name}.toml").read_text()
    for name in ("case", "changed", "cap", "notice")
)


def version(number, value, dated="effect"):
    return (
        f'[[rule.versions]]\ndate = {number}\ndated = "{dated}"\nvalue = {value}\n'
        'clause = "1"\nsource = "a page"\ntext_sha256 = "none"\nsays = "x"\n'
    )


def test_a_changed_rule_gives_different_findings_before_and_after(tmp_path):
    peaks = [peak(80, day) for day in days(date(2022, 2, 19), 30)]
    above = [
        excess(60 + number, day, "2022-03-11")
        for number, day in enumerate(days(date(2022, 3, 12), 3))
    ]
    with compared(tmp_path, CASE, CHANGED, peaks=peaks, excesses=above) as db:
        found = findings(db, "rate_limit")
    names = ("version", "result", "compared", "above", "value", "subject")
    assert [tuple(row[name] for name in names) for row in found] == [
        ("2022-03-01", "agrees", 10, 0, 100, None),
        ("2022-03-11", "differs", 10, 3, 50, "reader"),
        (None, "no_rule", 10, 0, None, None),
    ]
    names = ("measured", "measured_at", "first_day", "last_day")
    assert [found[1][name] for name in names] == [
        62,
        datetime(2022, 3, 14, 12, tzinfo=UTC),
        date(2022, 3, 11),
        date(2022, 3, 20),
    ]
    assert found[2]["last_day"] == date(2022, 2, 28)


def test_a_sum_above_a_limit_is_undecided_and_one_at_the_limit_agrees(tmp_path):
    peaks = [peak(100, date(2022, 3, 1)), peak(101, date(2022, 3, 2), name="other")]
    with compared(tmp_path, CASE, CHANGED, peaks=peaks) as db:
        found = findings(db, "rate_limit")
    assert {(row["result"], row["above"], row["measured"]) for row in found} == {
        ("undecided", 0, 101),
        ("agrees", 0, 100),
    }


def test_only_matching_endpoints_scopes_and_windows_are_compared(tmp_path):
    day = date(2022, 3, 1)
    peaks = [
        peak(999, day, endpoint="/1.1/users/show.json"),
        peak(999, day, scope="token", name="ab12"),
        peak(999, day, window=60),
        peak(99, day),
    ]
    with compared(tmp_path, CASE, CHANGED, peaks=peaks) as db:
        assert [row["measured"] for row in findings(db, "rate_limit")] == [99]


def test_tiers_of_one_project_that_contradict_each_other_decide_nothing(tmp_path):
    day = date(2022, 3, 2)
    case = CASE + '[[application]]\nname = "b"\nproject = "assistant"\ntier = "pro"\n'
    pack = CHANGED.replace('"application"', '"project"\ntiers = ["basic"]')
    named = {"scope": "project", "name": "assistant"}
    tables = {
        "peaks": [peak(300, day, **named)],
        "excesses": [excess(300, day, "2022-03-01", **named)],
    }
    for given, result in ((CASE, "differs"), (case, "undecided")):
        with compared(tmp_path, given, pack, **tables) as db:
            assert [row["result"] for row in findings(db, "rate_limit")] == [result]


@pytest.mark.parametrize(("tokens", "scope"), [(True, "token"), (False, "user")])
def test_a_limit_per_user_applies_to_tokens_if_logs_have_tokens(
    tmp_path, tokens, scope
):
    day, pack = date(2022, 3, 1), CHANGED.replace('"application"', '"user"')
    peaks = [peak(150, day, scope="user", name="u"), peak(120, day)]
    if tokens:
        peaks += [peak(130, day, scope="token", name=name) for name in "ab"]
        peaks.append(peak(30, day, scope="token", name="c"))
        peaks.append(peak(40, day, scope="token", name="d"))
    with compared(tmp_path, CASE, pack, peaks=peaks) as db:
        found = findings(db, "rate_limit")
    assert {row["scope"] for row in found} == {scope}
    # Subjects that agree share a row.
    assert [(row["subject"], row["subjects"]) for row in found] == (
        [(None, 2), (None, 2)] if tokens else [(None, 1)]
    )


def test_contradicting_rules_are_both_applied(tmp_path):
    rule = CHANGED.split("[[rule.versions]]")[0]
    pack = (
        rule
        + version("2022-01-01", 100)
        + rule.replace('id = "search"', 'id = "other"')
        + version("2022-01-01", 200)
    )
    peaks = [peak(150, date(2022, 3, 1))]
    with compared(tmp_path, CASE, pack, peaks=peaks) as db:
        assert [(row["rule"], row["result"]) for row in findings(db, "rate_limit")] == [
            ("other", "agrees"),
            ("search", "undecided"),
        ]
        contradicted = rows(
            db,
            """SELECT rule, contradicts FROM rules WHERE version IS NOT NULL
            ORDER BY rule""",
        )
    assert contradicted == [
        {"rule": "other", "contradicts": ["search, 2022-01-01"]},
        {"rule": "search", "contradicts": ["other, 2022-01-01"]},
    ]


def test_a_sampled_log_shows_what_exceeds_a_limit_and_nothing_else(tmp_path):
    day = date(2022, 3, 1)
    tables = {
        "peaks": [peak(101, day), peak(1, day, name="other")],
        "excesses": [excess(101, day, "2022-03-01")],
        "calls": [call(day, distinct=9)],
        "coverage": [{"application": "reader", "day": day, "sampled": 0.1}],
    }
    with compared(
        tmp_path, CASE, CHANGED + CAP + version("2022-01-01", 100), **tables
    ) as db:
        assert [row["result"] for row in findings(db, "rate_limit")] == [
            "differs",
            "undecided",
        ]
        assert findings(db, "monthly_cap")[0]["result"] == "undecided"


def tweets_of(start, tweets):
    """Return tables in which some tweets certainly count on each day."""
    found = list(zip(days(start, len(tweets)), tweets, strict=True))
    return {
        "calls": [call(day, distinct=n, delivered=n) for day, n in found],
        "daily_tweets": [
            {"project": "assistant", "day": d, "tweets": n} for d, n in found
        ],
    }


@pytest.mark.parametrize(
    ("tweets", "result"),
    [
        # Each month has 70 or more, whenever it begins, and other months have more.
        ([3] * 365, "differs"),
        ([2] * 365, "agrees"),
        # March has 93, but a month from the middle of a month on has at most 70.
        ([1] * 59 + [3] * 31 + [1] * 275, "undecided"),
        # March has 230 in each placing.
        ([0] * 59 + [5] * 46 + [0] * 260, "differs"),
        # The month may begin at the end of this day.
        ([0] * 73 + [60, 40] + [0] * 290, "undecided"),
    ],
)
def test_a_cap_is_exceeded_if_it_is_on_whichever_day_months_begin(
    tmp_path, tweets, result
):
    tables = tweets_of(date(2022, 1, 1), tweets)
    pack = CAP + version("2021-01-01", 70)
    with compared(tmp_path, CASE, pack, **tables) as db:
        (found,) = findings(db, "monthly_cap")
    assert (found["result"], found["above"] > 0) == (result, result == "differs")


@pytest.mark.parametrize(
    ("calls", "result"),
    [
        ({"distinct": 10, "delivered": 30}, "agrees"),
        ({"delivered": 9, "delivered_without_ids": 9}, "agrees"),
        ({"delivered": 90, "delivered_without_ids": 90}, "undecided"),
        ({"distinct": 9, "uncounted": 1}, "undecided"),
    ],
)
def test_a_monthly_cap_needs_an_upper_bound_to_agree(tmp_path, calls, result):
    given = [call(day, **calls) for day in days(date(2022, 3, 1), 10)]
    with compared(tmp_path, CASE, CAP + version("2022-01-01", 100), calls=given) as db:
        (found,) = findings(db, "monthly_cap")
    assert found["result"] == result


def test_an_application_without_a_project_never_agrees_with_a_cap(tmp_path):
    case = CASE.replace('project = "assistant"', "")
    given = [call(date(2022, 3, 1), project=None, distinct=1, delivered=1)]
    with compared(tmp_path, case, CAP + version("2022-01-01", 100), calls=given) as db:
        assert [row["result"] for row in findings(db, "monthly_cap")] == ["undecided"]


@pytest.mark.parametrize(("dated", "result"), [("effect", "differs"),
                                                ("capture", "undecided")])  # fmt: skip
def test_a_higher_cap_without_a_date_of_effect_may_have_applied_before(
    tmp_path, dated, result
):
    pack = CAP + version("2021-01-01", 100) + version("2022-06-01", 300, dated)
    tables = tweets_of(date(2022, 1, 1), [8] * 120)
    with compared(tmp_path, CASE, pack, **tables) as db:
        (found,) = findings(db, "monthly_cap")
    assert found["result"] == result


def test_tweets_at_two_endpoints_may_be_the_same(tmp_path):
    day = date(2022, 3, 1)
    given = [call(day, endpoint=name, distinct=60, delivered=60) for name in "ab"]
    with compared(tmp_path, CASE, CAP + version("2022-01-01", 100), calls=given) as db:
        (found,) = findings(db, "monthly_cap")
    assert found["result"] == "undecided"
    assert "At least 60 tweets in a calendar month, at most 120" in found["fact"]


@pytest.mark.parametrize(("often", "result"), [(1, "agrees"), (2, "differs")])
def test_the_usage_export_is_compared_with_a_cap_and_the_logs(tmp_path, often, result):
    """Two exports have the same days, which count once."""
    found = days(date(2022, 1, 1), 150)
    usage = [
        {"source": source, "project": "assistant", "application": name, "day": day,
         "tweets": 3 * often if name is None else often}
        for source in "ab" for day in found for name in (None, "reader", "other")
    ]  # fmt: skip
    total_of = 3 * often * len(found)
    totals = [total(scope="project", name="assistant", delivered=9 * total_of,
                    daily_low=total_of - 1, daily_high=2 * total_of, distinct_low=1,
                    distinct_high=1)]  # fmt: skip
    tables = {"usage": usage, "totals": totals}
    with compared(tmp_path, CASE, CAP + version("2021-01-01", 100), **tables) as db:
        (row,) = findings(db, "monthly_cap")
        claims = rows(db, "FROM claims ORDER BY count_of")
    assert (row["how"], row["result"]) == ("usage export of the platform", result)
    assert [(row["claimed"], row["result"]) for row in claims] == [
        (total_of, "more"),
        (total_of, "undecided"),
        (total_of, "fewer"),
    ]


@pytest.mark.parametrize(
    ("first", "notice", "offset", "result"),
    [
        ("2022-04-03 10:00", "2022-05-01", 0, "differs"),
        ("2022-05-02 10:00", "2022-05-01", 0, "agrees"),
        ("2022-04-30 23:00", "2022-05-01", 0, "differs"),
        ("2022-04-30 23:00", "2022-05-01", -21600, "undecided"),
        ("2022-04-03 10:00", None, 0, "undecided"),
        (None, "2022-05-01", 0, "undecided"),
        ("2021-04-03 10:00", "2022-05-01", 0, "no_rule"),
    ],
)
def test_first_access_of_a_government_body_and_the_date_of_notice(
    tmp_path, first, notice, offset, result
):
    case = CASE + '[[end_user]]\napplication = "reader"\nname = "Police"\n'
    case += "government = true\n" + (f"notice = {notice}\n" if notice else "")
    case += (
        '[[end_user]]\napplication = "reader"\nname = "Bakery"\ngovernment = false\n'
    )
    organisations = [
        {
            "organisation": name,
            "application": "reader",
            "first": datetime.fromisoformat(f"{first}+00:00"),
            "last": datetime(2022, 12, 1, tzinfo=UTC),
            "calls": 1,
            "delivered": 1,
        }
        for name in ("Police", "Bakery", "Unnamed")
        if first
    ]
    clock = [{"stream": "s", "kind": "behind", "offset_at_most": offset}]
    clock = clock if offset else []
    files = [{"stream": "s", "applications": ["reader"], "state": "read", "bad": 0}]
    tables = {"organisations": organisations, "clock": clock, "files": files}
    with compared(tmp_path, case, NOTICE, **tables) as db:
        (found,) = findings(db, "government_notice")
        missing = rows(db, "FROM missing WHERE lane = 'used'")
    assert (found["result"], found["how"]) == (result, "Police")
    unnamed = [row for row in missing if row["about"] == "Unnamed"]
    assert len(unnamed) == bool(first)
    lacks = [row for row in missing if row["about"] == "reader, Police"]
    assert len(lacks) == (first is None or notice is None)


APRIL = datetime(2022, 4, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("clock", "result"),
    [
        ({"kind": "backdated", "offset_at_most": -864_000.0}, "undecided"),
        ({"kind": "backdated", "offset_at_most": -3600.0}, "differs"),
        ({"kind": "behind", "offset_at_most": -4.1 * 86_400}, "undecided"),
        ({"kind": "agrees", "offset_at_most": 9.0}, "differs"),
    ],
)
def test_access_before_notice_is_undecided_if_the_time_can_be_wrong(
    tmp_path, clock, result
):
    """The access is 5 days before the notice."""
    case = CASE + '[[end_user]]\napplication = "reader"\nname = "Police"\n'
    case += "government = true\nnotice = 2022-04-06T00:00:00Z\n"
    access = {"organisation": "Police", "application": "reader", "first": APRIL}
    period = {"start": APRIL, "end": APRIL + timedelta(days=10)}
    about = {"stream": "s", "evidence": "x"}
    tables = {
        "organisations": [access | {"last": APRIL, "calls": 1, "delivered": 1}],
        "clock": [about | period | clock],
        "files": [{"stream": "s", "applications": ["reader"], "bad": 0}],
    }
    with compared(tmp_path, case, NOTICE, **tables) as db:
        (found,) = findings(db, "government_notice")
    assert found["result"] == result


def claim(what, claimed, row, tmp_path):
    case = CASE + f'[[claim]]\nsource = "x"\nwhat = "{what}"\ntotal = {claimed}\n'
    with compared(tmp_path, case, totals=[row]) as db:
        found = rows(db, "FROM claims ORDER BY count_of")
    return [
        f"{row['result']} {row['low']}-{row['high']}, left "
        f"{row['unexplained_low']}-{row['unexplained_high']}"
        for row in found
    ]


def test_a_claim_is_compared_with_each_of_the_three_counts(tmp_path):
    row = total(delivered=1000, daily_low=500, daily_high=500, distinct_low=90,
                distinct_high=110, calls=40)  # fmt: skip
    assert claim("tweets", 504, row, tmp_path) == [
        "more 1000-1000, left 0-0",
        "agrees 500-500, left 4-4",
        "fewer 90-110, left 394-414",
    ]
    assert claim("calls", 50, row, tmp_path) == ["fewer 40-40, left 10-10"]
    unknown = row | {"delivered_high": None, "distinct_high": None}
    assert claim("tweets", 2000, unknown, tmp_path) == [
        "undecided 1000-None, left 0-1000",
        "fewer 500-500, left 1500-1500",
        "undecided 90-None, left 0-1910",
    ]


def test_a_claim_names_the_days_on_which_calls_may_be_missing(tmp_path):
    case = CASE + '[[application]]\nname = "b"\n'
    for name in ("reader", "b"):
        case += '[[claim]]\nsource = "x"\nwhat = "calls"\ntotal = 1\n'
        case += f'application = "{name}"\n'
    case += '[[claim]]\nsource = "x"\nwhat = "calls"\ntotal = 1\n'
    states = ("gap", "unknown", "damaged", "silence", "covered", "overlapping")
    coverage = [
        {"application": name, "day": day, "state": state}
        for name, chosen in (("reader", states), ("b", states[:1]))
        for day, state in zip(days(date(2022, 1, 1), 6), chosen, strict=False)
    ]
    with compared(tmp_path, case, coverage=coverage) as db:
        found = rows(db, "FROM claims ORDER BY uncertain_days")
    assert [(row["name"], row["uncertain_days"]) for row in found] == [
        ("b", 1),
        ("reader", 3),
        (None, 4),
    ]


def test_a_sampled_log_is_compared_by_its_estimate(tmp_path):
    row = total(calls=40, calls_low=380, calls_high=420)
    assert claim("calls", 400, row, tmp_path) == ["undecided 380-420, left 0-20"]


@pytest.mark.parametrize("year", [2020, 2024])
def test_a_period_without_calls_is_missing_as_a_whole(year, tmp_path):
    case = CASE.replace("2022-", f"{year}-")
    covered = {"application": "reader", "day": date(2022, 6, 1), "state": "covered"}
    with compared(tmp_path, case, coverage=[covered]) as db:
        found = rows(db, "FROM missing WHERE code = 'days_before_or_after_calls'")
    assert [row["amount"] for row in found] == [366]


def test_what_is_missing_is_listed_with_who_could_supply_it(tmp_path):
    state = {"application": "reader", "calls": 1}
    tables = {
        "coverage": [
            {**state, "day": date(2022, 1, 11), "state": "covered"},
            {**state, "day": date(2022, 1, 12), "state": "gap"},
        ],
        "calls": [
            call(date(2022, 1, 11), uncounted=2),
            call(date(2023, 1, 12), delivered_without_ids=7, endpoint="/2/other"),
        ],
        "files": [
            {"source": "a.jsonl", "state": "read", "bad": 3},
            {"source": "b.jsonl", "state": "damaged", "bad": 0, "detail": "cut off"},
            {"source": "c.jsonl", "state": "copy", "bad": 0, "detail": "a.jsonl"},
        ],
        "clock": [{"stream": "s", "kind": "not_measured"}],
    }
    case = CASE + '[[application]]\nname = "silent"\n'
    with compared(tmp_path, case, **tables) as db:
        found = {
            (row["about"], row["code"]): row["amount"]
            for row in rows(db, "FROM missing WHERE lane = 'accessed'")
        }
    assert found == {
        ("reader", "gap"): 1,
        ("reader", "days_before_or_after_calls"): 363,
        (None, "outside_period"): 1,
        ("silent", "application_without_calls"): 1,
        ("silent", "no_tier"): 1,
        ("a.jsonl", "bad_lines"): 3,
        ("b.jsonl", "damaged_log"): 1,
        ("reader", "no_number_of_tweets"): 2,
        ("reader", "no_ids"): 7,
        ("/2/other", "endpoint_without_limit"): 1,
        ("s", "clock_not_measured"): 1,
    }
