import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st


def finding():
    from eagle_mllm.attribution.words import finding

    return finding


def found(text, query, whole_words=True):
    return [tuple(span) for span in finding().occurrences(text, query, whole_words=whole_words)]


def test_whole_words_alone_are_found():
    assert found("cats, a cat, the cat's", "cat") == [(8, 11)]
    assert found("cats, a cat, the cat's", "cat", whole_words=False) == [(0, 3), (8, 11), (17, 20)]


def test_case_matters_where_it_can_decide():
    assert found("Cat and cat", "cat") == [(8, 11)]
    assert found("Cat and CAT", "cat") == [(0, 3), (8, 11)]


def test_a_match_inside_a_word_does_not_hide_one_of_another_case():
    assert found("cats and a CAT", "cat") == [(11, 14)]


def test_any_white_space_matches_any_other():
    assert found("a  black\ncat", " black cat ") == [(3, 12)]


def test_signs_of_patterns_stand_for_themselves():
    assert found("axb a.b", "a.b") == [(4, 7)]
    assert found("a (b)", "(b)") == [(2, 5)]


def test_places_may_overlap():
    assert found("aaa", "aa", whole_words=False) == [(0, 2), (1, 3)]


def test_chinese_words_need_no_spaces():
    assert found("一只黑猫在树上", "黑猫") == [(2, 4)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("bananna", "banana"),
        ("BANNANA", "banana"),
        ("cat", "cats"),
        ("ball", "basketballs"),
        ("black dog", "black dogs"),
        ("zebra", None),
        ("one two three four five six seven eight nine ten", None),
    ],
)
def test_the_nearest_words_are_offered(query, expected):
    text = "Two cats and black dogs hold a banana and basketballs"
    assert finding().nearest_words(text, query) == expected


def test_the_nearest_words_are_offered_as_written():
    assert finding().nearest_words("A McDonald and a mcdonald", "mcdonlad") == "McDonald"


# --- The same letters, otherwise spelled ---------------------------------------------------------


def respelled(text, form, joints):
    """The same text to a reader: another normal form, other apostrophes, hyphens and spaces."""
    pairs = {"'": "'’＇ʼ", "-": "-‐‑", " ": " \u00a0\u202f\u3000"}  # noqa: RUF001
    spelled = (pairs.get(letter, letter) for letter in text)
    chosen = "".join(
        choices[joint % len(choices)] for choices, joint in zip(spelled, joints, strict=False)
    )
    return unicodedata.normalize(form, chosen)


FORMS = st.sampled_from(["NFC", "NFD"])
JOINTS = st.lists(st.integers(0, 3), min_size=30, max_size=30)


@given(
    st.sampled_from(
        ["café", "the cat's", "well-known", "Ångström", "ガラス", "한국어", "3.5", "naïve Ñu"]
    ),
    FORMS, FORMS, JOINTS, JOINTS,
)  # fmt: skip
def test_a_word_is_found_however_either_side_spells_it(word, form, other, joints, others):
    text = respelled(f"a {word} here", form, joints)
    ((start, stop),) = found(text, respelled(word, other, others))
    assert start == 2
    assert stop == len(text) - len(" here")


@pytest.mark.parametrize(
    ("text", "query", "expected"),
    [
        ("ＣＡＴ here", "CAT", [(0, 3)]),  # noqa: RUF001
        ("a CAT", "ｃａｔ", [(2, 5)]),  # noqa: RUF001
        ("a ﬁsh", "fish", [(2, 5)]),
        ("a ba\u00adnana", "banana", [(2, 9)]),
        ("a banana", "ba\u00adnana", [(2, 8)]),
        ("ne\u200bko", "neko", [(0, 5)]),
        ("red\u200b cat", "red cat", [(0, 8)]),
        ("می\u200cخواهم", "میخواهم", [(0, 8)]),  # noqa: RUF001
        ("−3 degrees", "-3", [(0, 2)]),
        ("say “cat”", '"cat"', [(4, 9)]),
        ("❤\ufe0f x", "❤", [(0, 2)]),
    ],
)
def test_what_a_reader_does_not_see_does_not_matter(text, query, expected):
    assert found(text, query) == expected


@pytest.mark.parametrize(
    ("text", "query"),
    [("STRASSE", "Straße"), ("Straße", "STRASSE"), ("İstanbul", "istanbul"),
     ("ISPARTA", "\u0131sparta"),
     ("ΟΔΟΣ", "οδος"), ("Ǆ", "ǆ")],
)  # fmt: skip
def test_case_is_ignored_in_every_alphabet(text, query):
    assert found(text, query) == [(0, len(text))]


@pytest.mark.parametrize(
    ("text", "query"),
    [("cafe\u0301", "cafe"), ("cafe\u0301", "e"), ("👨\u200d👩\u200d👧", "👨"),
     ("3\ufe0f\u20e3", "3"), ("ดำ", "ด"), ("ﬁsh", "ish")],
)  # fmt: skip
def test_what_is_found_does_not_cut_a_character_of_a_reader(text, query):
    assert found(text, query, whole_words=False) == []


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("3.5", "3"), ("1,000", "1"), ("1,000", "000"), ("12:30", "12"), ("U.S.", "S"),
        ("e.g.", "g"),
        ("cats", "cat"), ("cat's", "cat"), ("well-known", "well"), ("cat@dog.org", "dog"),
        ("https://cat.org/dog", "cat"), ("photo.jpg", "photo"), ("-3", "3"), ("2½", "2"),
        ("10\u00a0000", "10"), ("カード", "カ"), ("snake_case", "case"),
    ],
)  # fmt: skip
def test_a_word_is_not_found_inside_a_number_or_another_word(text, query):
    assert found(text, query) == []
    assert found(f"{query}, {text}", query) == [(0, len(query))]


@pytest.mark.parametrize("query", ["红色", "色", "红色的圆"])
def test_any_run_of_chinese_characters_is_found(query):
    start = "红色的圆".index(query)
    assert found("红色的圆", query) == [(start, start + len(query))]


@given(st.text(max_size=20), st.text(max_size=4))
def test_what_is_found_reads_as_what_was_asked_for(text, query):
    def read(spelled):
        return finding()._folded(spelled.strip(), ignore_case=True).text

    for start, stop in found(text, query, whole_words=False):
        assert read(text[start:stop]) == read(query)


@given(st.text(min_size=1, max_size=20))
def test_a_text_is_found_in_itself(text):
    if finding()._folded(text.strip(), ignore_case=False).text:
        assert found(text, text, whole_words=False)


# --- Places in their context ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cat", "[cat]"),
        ("a cat on a tree", "a [cat] on a tree"),
        ("there are dogs, birds and a cat that sits on the highest tree",
         "…dogs, birds and a [cat] that sits on the…"),
        ("一" * 30 + "cat" + "二" * 30, "…" + "一" * 20 + "[cat]" + "二" * 20 + "…"),
        ("a\n\ncat", "a [cat]"),
    ],
)  # fmt: skip
def test_a_place_is_shown_with_the_words_around_it(text, expected):
    from eagle_mllm.attribution.words.breaks import Span

    start = text.index("cat")
    assert finding().in_context(text, Span(start, start + 3)) == expected
