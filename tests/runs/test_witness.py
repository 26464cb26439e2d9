"""Test that a claim is withdrawn or qualified if the control is not a fair witness."""

from random import Random

import pytest

import provscan
from provscan.errors import ParameterError


def vocabulary(seed):
    rng = Random(seed)
    syllables = [a + b for a in "bcdfghjklmnprst" for b in "aeiou"]
    rng.shuffle(syllables)
    # Each vocabulary prefers other syllables.
    return [
        "".join(rng.choices(syllables[:40], k=rng.randint(1, 3))) for _ in range(600)
    ]


OURS, THEIRS = vocabulary(1), vocabulary(2)


def texts(words, count, seed):
    rng = Random(seed)
    return [" ".join(rng.choices(words, k=rng.randint(14, 20))) for _ in range(count)]


def tweets(written, seed, **more):
    rng = Random(seed)
    return [
        {
            "id": f"{seed}:{n}",
            "text": text,
            "author": f"user {seed} {n}",
            "created_at": f"201{rng.randrange(4, 9)}-0{rng.randrange(1, 10)}-11T"
            f"{rng.randrange(10, 20)}:{rng.randrange(10, 60)}:07Z",
        }
        | more
        for n, text in enumerate(written)
    ]


PLATFORM = texts(OURS, 1600, 3)
LICENSED, CONTROL = tweets(PLATFORM[:800], 1), tweets(PLATFORM[800:], 2)
DATA = texts(THEIRS, 500, 4)


@pytest.fixture
def answer(tmp_path, write):
    def scanned(licensed, data, control=CONTROL, **more):
        index = provscan.build_index(licensed, tmp_path / "licensed.index")
        dataset = write("data.jsonl", [{"text": text} for text in data])
        path = write("control.jsonl", control)
        run = provscan.match(dataset, index, tmp_path / "run", control=path, **more)
        return run.summary["answer"]

    return scanned


def codes(items):
    return [item["code"] for item in items]


def test_quotations_of_the_dataset_are_not_claimed(answer):
    found = answer(LICENSED + tweets(DATA[:80], 5), DATA)
    assert found["status"] == "cannot_judge"
    assert codes(found["reasons"]) == ["like_dataset"]
    assert found["records"]["at_least"] is None
    assert found["records"]["findings"] == 80


@pytest.mark.parametrize("decoys", [0, 30])
def test_quotations_on_both_sides_show_no_copies(answer, decoys):
    """Unlike tweets of the control that somebody put in the data, quotations by the
    control's authors don't show that a part of it is there.
    """
    control = CONTROL + tweets(DATA[10:20], 7)
    data = DATA + [row["text"] for row in CONTROL[:decoys]]
    found = answer(LICENSED + tweets(DATA[:10], 5), data, control)
    warned = "control_in_dataset" in codes(found["warnings"])
    status = "cannot_judge" if decoys else "no_copies_shown"
    assert (found["status"], warned) == (status, bool(decoys))


def test_copies_are_claimed_and_the_direction_was_not_tested(answer):
    found = answer(LICENSED, DATA + PLATFORM[:80])
    assert found["status"] == "copies_found"
    assert found["records"]["at_least"] >= 70
    assert codes(found["remarks"]) == ["direction_not_tested"]
    assert found["remarks"][0]["message"] in found["details"]


def test_a_control_in_another_language_is_named_beside_the_claim(answer):
    licensed, control = (
        [row | {"lang": lang} for row in rows]
        for rows, lang in ((LICENSED, "en"), (CONTROL, "nl"))
    )
    found = answer(licensed, DATA + PLATFORM[:80], control)
    assert codes(found["remarks"])[0] == "control_unlike"
    assert "control_unlike" not in codes(found["warnings"])


CYRILLIC = str.maketrans("abcdefghijklmnoprstu", "абцдефгхийклмнопрсту")


@pytest.mark.parametrize(
    ("copied", "status"), [(True, "copies_found"), (False, "cannot_judge")]
)
def test_wording_is_compared_within_a_script(answer, copied, status):
    """Half of the data and few of the licensed tweets are in another script."""
    ours, theirs = (
        [text.translate(CYRILLIC) for text in texts(words, 300, seed)]
        for words, seed in ((2 * OURS + THEIRS, 31), (OURS + 2 * THEIRS, 32))
    )
    data = DATA[:300] + theirs
    licensed, control = LICENSED + tweets(ours[:100], 7), CONTROL
    if copied:
        data += ours[:70]
    else:
        licensed += tweets(theirs[:70], 8)
    found = answer(licensed, data, control + tweets(ours[100:200], 9))
    assert found["records"]["findings"] == 70
    assert found["status"] == status
    assert codes(found["reasons"]) == ([] if copied else ["like_dataset"])


def test_a_mixture_of_both_is_bounded_by_what_is_worded_like_tweets(answer):
    found = answer(LICENSED + tweets(DATA[:40], 5), DATA + PLATFORM[:100])
    assert found["status"] in ("copies_found", "cannot_judge")
    assert (found["records"]["at_least"] or 0) <= 100


def test_an_account_is_named(answer):
    scraped = tweets(PLATFORM[:80], 6, author="scraped")
    found = answer(scraped + LICENSED[80:], DATA + PLATFORM[:80])
    assert found["status"] == "copies_found"
    assert found["records"]["at_least"] >= 70
    assert codes(found["remarks"])[0] == "concentrated"
    assert "scraped" in found["details"][0]


def test_a_program_that_the_control_lacks_is_not_believed(answer):
    hours = [
        row | {"created_at": f"2015-03-{1 + n // 24:02}T{n % 24:02}:05:00Z"}
        for n, row in enumerate(tweets(PLATFORM[:80], 6, author="clock"))
    ]
    found = answer(hours + LICENSED[80:], DATA + PLATFORM[:80])
    assert found["status"] == "cannot_judge"
    assert codes(found["reasons"]) == ["automatic"]


def test_a_control_of_replies_says_nothing_about_others(answer):
    replies = [row | {"text": f"@someone {row['text']}"} for row in CONTROL]
    found = answer(LICENSED, DATA + PLATFORM[:80], replies)
    assert found["status"] == "cannot_judge"
    assert codes(found["reasons"]) == ["control_lacks"]


@pytest.mark.parametrize(
    ("collected", "status"),
    [
        ("2010-01-01..2013-12-31", "cannot_judge"),
        ("2013-12-31", "cannot_judge"),
        ("2010-01-01..2019-12-31", "copies_found"),
    ],
)
def test_younger_tweets_are_not_the_source(answer, collected, status):
    found = answer(LICENSED, DATA + PLATFORM[:80], collected=collected)
    assert found["status"] == status
    reasons = ["younger_than_data"] if status == "cannot_judge" else []
    assert codes(found["reasons"]) == reasons
    assert codes(found["remarks"]) == []


@pytest.mark.parametrize(
    ("younger", "copies", "status", "reasons"),
    [(30, 30, "copies_found", []), (20, 12, "cannot_judge", ["younger_than_data"])],
)
def test_chance_and_younger_tweets_are_both_left_out(
    tmp_path, write, younger, copies, status, reasons
):
    """The tweets of both sides contain twelve texts of the dataset by chance."""
    own = texts(OURS, 500, 9)
    licensed, control = LICENSED + tweets(own[:12], 5), CONTROL + tweets(own[12:24], 7)
    index = provscan.build_index(licensed, tmp_path / "licensed.index")
    rows = [
        {"text": text, "date": f"{year}-03-04"}
        for year, some in (
            (2020, own + PLATFORM[:copies]),
            (2008, PLATFORM[400 : 400 + younger]),
        )
        for text in some
    ]
    data, path = write("data.jsonl", rows), write("control.jsonl", control)
    found = provscan.match(data, index, tmp_path / "run", control=path)
    answer = found.summary["answer"]
    assert (answer["status"], codes(answer["reasons"])) == (status, reasons)
    assert answer["records"]["findings"] == 12 + younger + copies
    assert (answer["records"]["at_least"] or 0) <= copies


@pytest.mark.parametrize(
    ("year", "status", "reason"),
    [(2014, "cannot_judge", ["cutoff_in_dataset"]), (2018, "copies_found", [])],
)
def test_a_cutoff_before_the_data_acquits_nobody(tmp_path, write, year, status, reason):
    old, new = (
        tweets(texts(OURS, 300, seed), seed, created_at=f"{time}-05-06T10:11:12Z")
        for seed, time in ((21, 2013), (22, 2016))
    )
    later = tweets(texts(OURS, 300, 23), 23, created_at="2019-05-06T10:11:12Z")
    index = provscan.build_index(old + new + later, tmp_path / "licensed.index")
    data = write("data.jsonl", [{"text": text} for text in DATA] + new[:60])
    found = provscan.match(data, index, tmp_path / "run", cutoff=f"{year}-01-01")
    assert found.summary["answer"]["status"] == status
    assert codes(found.summary["answer"]["reasons"]) == reason


def test_records_can_be_older_than_all_tweets(tmp_path, write):
    index = provscan.build_index(LICENSED, tmp_path / "licensed.index")
    rows = [{"text": text, "date": "2005-03-04"} for text in DATA + PLATFORM[:80]]
    data, path = write("data.jsonl", rows), write("control.jsonl", CONTROL)
    found = provscan.match(data, index, tmp_path / "run", control=path)
    assert found.summary["answer"]["status"] == "cannot_judge"
    assert codes(found.summary["answer"]["reasons"]) == ["younger_than_data"]


@pytest.mark.parametrize(
    ("dates", "read"),
    [
        ([{"pubDate": "Tue, 04 Mar 2008 10:11:12 GMT"}], True),
        ([{"meta": {"date": "2008-03-04"}}], True),
        ([{"metadata": {"headers": {"Date": "Tue, 04 Mar 2008 10:11:12 EST"}}}], True),
        ([{"user": {"created_at": "2008-03-04"}}], False),
        ([{"year": 2008}], True),
        ([{"date": "2008"}], True),
        ([{"time": 2008}], False),
        ([{"date": "31.12.2008"}], True),
        ([{"date": "03/04/2008"}, {"date": "31/12/2008"}], True),
        ([{"date": "03/04/2008"}, {"date": "12/31/2008 10:11 PM"}], False),
        ([{"date": "03/04/2008 1:02 AM"}, {"date": "12/31/2008 10:11 PM"}], True),
        ([{"date": "03/04/2008"}, {"date": "03/05/2008"}], False),
        ([{"date": "31/12/2008"}, {"date": "12/31/2008"}], False),
        ([{"date": "31.02.2008"}], False),
    ],
)
def test_dates_of_records(tmp_path, write, dates, read):
    index = provscan.build_index(LICENSED, tmp_path / "licensed.index")
    written = DATA + PLATFORM[:80]
    rows = [{"text": text} | dates[n % len(dates)] for n, text in enumerate(written)]
    data, path = write("data.jsonl", rows), write("control.jsonl", CONTROL)
    found = provscan.match(data, index, tmp_path / "run", control=path)
    answer_ = found.summary["answer"]
    said = codes(answer_["reasons"]) + codes(answer_["remarks"])
    assert said == ["younger_than_data" if read else "direction_not_tested"]


def test_few_dated_records_test_no_direction(answer, tmp_path, write):
    index = provscan.build_index(LICENSED, tmp_path / "licensed.index")
    # Dates of which only the year is known are of no help.
    years = [f"{row['created_at'][:4]}-01-01" for row in LICENSED]
    copies = [{"text": PLATFORM[n], "date": years[n]} for n in range(80)]
    for row in copies[:30]:
        row["date"] = "2019-04-05"
    for row in copies[:4]:
        row["date"] = "2010-04-05"
    rows = [{"text": text, "date": "2012-01-01"} for text in DATA] + copies
    path = write("control.jsonl", CONTROL)
    data = write("data.jsonl", rows)
    found = provscan.match(data, index, tmp_path / "run", control=path)
    answer_ = found.summary["answer"]
    assert answer_["status"] == "copies_found"
    assert codes(answer_["remarks"]) == ["younger_tweets", "direction_partly_tested"]
    assert answer_["records"]["at_least"] <= 76
    assert answer_["records"]["estimate"] is None


@pytest.mark.parametrize("value", ["soon", "2013-01-02..2013-01-01", "..", "2013.."])
def test_the_time_of_the_dataset_is_a_range(value):
    with pytest.raises(ParameterError, match="collected"):
        provscan.match("x", "y", collected=value)


@pytest.mark.parametrize(("accounts", "named"), [(2, False), (400, True)])
def test_other_wording_is_named_if_a_coin_would_hardly_divide_the_authors_so(
    answer, accounts, named
):
    # Two accounts of each side may differ as much by chance; 400 hardly can.
    licensed, control = (
        [row | {"author": f"{side} {n % accounts}"} for n, row in enumerate(rows)]
        for side, rows in enumerate((LICENSED, tweets(texts(THEIRS, 800, 9), 2)))
    )
    found = answer(licensed, DATA + PLATFORM[:80], control)
    said = codes(found["remarks"]) + codes(found["warnings"])
    assert ("control_unlike" in said) is named
