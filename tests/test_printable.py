"""Foreign words become one printable line."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eagle_mllm.printable import REPLACED, printable

ANY_TEXT = st.text(st.characters())
"""Surrogates included."""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("demo/llava", "demo/llava"),
        ("a\tb\nc\r\nd", "a b c  d"),
        ("\x1b]0;title\x07", "�]0;title�"),
        ("\x9b31m\x85\x7f\x00", "�31m ��"),
        ("\u202egnp.tac", "�gnp.tac"),
        ("\u2066a\u2069\u200e\u061c", "�a���"),
        ("ca\u200bt\ufeff\u2060\xad", "ca�t���"),
        ("caf\udce9", "caf�"),
        ("a\u2028b\u2029c\xa0d\u3000e", "a b c d e"),
        ("\uffff\ue000\U000e0041", "���"),
        ("\u3164\u115f\u2800", "���"),
        ("cat\u200d", "cat�"),
        ("a\u200db", "a�b"),
        ("a\ufe0f", "a�"),
    ],
)
def test_what_cannot_be_seen_is_replaced(text, shown):
    assert printable(text) == shown
    assert len(printable(text)) == len(text)


@pytest.mark.parametrize(
    "text",
    [
        "eine rote Katze, naïve café",
        "一只红色的猫",
        "赤い猫がいる",
        "빨간 고양이",
        "قطة حمراء",
        "می\u200cشود",  # Persian is spelled with a non-joiner
        "חתול אדום",
        "क्\u200dष लाल बिल्ली",
        "👩\u200d🔬 ❤\ufe0f\u200d🔥 1\ufe0f\u20e3 👍🏽",
    ],
)
def test_every_script_stays_as_it_is_spelled(text):
    assert printable(text) == text


def test_what_is_to_be_kept_is_kept():
    assert printable("a\tb\nc\x1b", keep="\n\t") == "a\tb\nc" + REPLACED


@given(ANY_TEXT)
def test_any_text_is_one_line_of_as_many_characters_that_every_file_can_hold(text):
    shown = printable(text)
    assert len(shown) == len(text)
    assert len(shown.splitlines()) <= 1
    assert shown.encode("utf-8").decode("utf-8") == shown
    assert printable(shown) == shown


def test_no_control_of_any_kind_gets_through():
    controls = [
        chr(code)
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    ]
    assert len(controls) > 2000
    assert set(printable("x".join(controls))) == {"x", " ", REPLACED}
