"""Test the wording that pages, tables and lists share."""

import pytest

from provscan.probe.report.tables import copies
from provscan.report.languages import language
from provscan.report.wording import (
    alike,
    amount,
    layers,
    percent,
)


def test_numbers_in_words():
    shares = ["12.3%", "0.00012%", "0%", "100%", "99.999%"]
    assert [
        percent(share) for share in (0.12345, 0.0000012, 0.0, 1.0, 0.99999)
    ] == shares
    assert [alike(share) for share in (0.7377, 0.9967, 1.0, 0.042)] == [
        "74%",
        "99.7%",
        "100%",
        "4.2%",
    ]
    assert [
        amount(1234.6),
        amount(12.9, "at_least"),
        amount(12.1, "at_most"),
        amount(None),
    ] == ["1,235", "12", "13", "–"]
    assert layers(
        {"findings": 12, "at_least": 9.3, "estimate": None, "at_most": 19.2}
    ) == ["12", "9", "–"]
    limits = ((1, 1), (4, 15), (64, None))
    assert [copies({"copies": low, "up_to": high}) for low, high in limits] == [
        "1",
        "4-15",
        "64 or more",
    ]


@pytest.mark.parametrize(
    ("text", "named", "found"),
    [
        ("the ferry is late", None, ("", "ltr")),
        ("die Fähre ist spät", "de", ("de", "ltr")),
        ("the ferry is late", "ja", ("", "ltr")),
        ("渡船今天晚点了", None, ("zh", "ltr")),
        ("本日欠航", "ja", ("ja", "ltr")),
        ("今日のフェリーは欠航です", "en", ("ja", "ltr")),
        ("오늘 배가 늦는다", None, ("ko", "ltr")),
        ("@ferry RT: العبارة متأخرة اليوم", None, ("ar", "rtl")),
        ("کشتی امروز دیر است", "fa", ("fa", "rtl")),
        ("המעבורת מאחרת", "iw", ("he", "rtl")),
        ("паром опаздывает", "uk", ("uk", "ltr")),
        ("฿ เรือข้ามฟากล่าช้า", None, ("th", "ltr")),
        ("👍 123 !", "en", ("", "auto")),
        ("", None, ("", "auto")),
    ],
)
def test_script_and_tweet_give_the_language_of_a_text(text, named, found):
    assert language(text, named) == found
