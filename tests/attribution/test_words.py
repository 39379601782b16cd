import pytest
from hypothesis import given
from hypothesis import strategies as st

# Letters of several scripts, marks, joiners, spaces, punctuation and emoji.
TEXTS = st.text("aBé9ß 'ー’-\u0301\u200d.,\n中文ねไहि😀_", max_size=30)


def words():
    from eagle_mllm.attribution import words

    return words


def written(text):
    return [text[start:stop] for start, stop in words().word_spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A cat sits.", ["A", "cat", "sits"]),
        ("", []),
        (" \n?! 😀", []),
        ("the cat's toy, don't", ["the", "cat's", "toy", "don't"]),
        ("the cat’s toy", ["the", "cat’s", "toy"]),
        ("a well-known sit-in", ["a", "well-known", "sit-in"]),
        ("'quoted' -dash- rock'n'roll", ["quoted", "dash", "rock'n'roll"]),
        ("dogs' bones", ["dogs", "bones"]),
        ("one--two it''s", ["one", "two", "it", "s"]),
        ("snake_case", ["snake", "case"]),
        ("2 cats, 3.5 kg", ["2", "cats", "3", "5", "kg"]),
        ("naïve cafe\u0301 Straße", ["naïve", "cafe\u0301", "Straße"]),
        ("黑猫sitzt在树上", ["黑", "猫", "sitzt", "在", "树", "上"]),
        ("ねこ。カード", ["ね", "こ", "カ", "ー", "ド"]),
        ("か\u3099", ["か\u3099"]),
        ("고양이 한 마리", ["고양이", "한", "마리"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),  # noqa: RUF001
        ("кот на дереве", ["кот", "на", "дереве"]),
        ("\u0301a", ["a"]),
        ("ab-中", ["ab", "中"]),
    ],
)
def test_words_are_runs_of_letters_and_digits(text, expected):
    assert written(text) == expected


@given(TEXTS)
def test_words_follow_each_other_and_hold_every_letter_and_digit(text):
    spans = words().word_spans(text)
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(edges)
    assert all(start < stop for start, stop in spans)
    covered = {index for start, stop in spans for index in range(start, stop)}
    assert {index for index, character in enumerate(text) if character.isalnum()} <= covered
    assert all(text[index] not in " .,\n😀_" for index in covered)


@given(TEXTS)
def test_each_word_alone_is_one_word(text):
    assert all(written(word) == [word] for word in written(text))


def test_the_tokens_of_a_word_are_those_that_share_a_character_with_it():
    span = words().Span
    spans = [span(0, 1), span(1, 4), span(4, 7), span(7, 7), span(7, 9)]
    article, fruit = words().words_of("A banana.", spans)
    assert (article.text, article.start, article.stop, article.tokens) == ("A", 0, 1, (0,))
    assert (fruit.text, fruit.start, fruit.stop, fruit.tokens) == ("banana", 2, 8, (1, 2, 4))


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [(0, 1, (0,)), (0, 2, (0, 1)), (1, 2, (1,)), (3, 4, (3, 4)), (0, 0, ()), (5, 9, ())],
)
def test_only_a_shared_character_counts_as_overlap(start, stop, expected):
    span = words().Span
    spans = [span(0, 1), span(1, 3), span(3, 3), span(3, 4), span(3, 5)]
    assert words().overlapping(spans, start, stop) == expected


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [("", "a", 0), ("ab", "abc", 2), ("abc", "abd", 2), ((1,), (1,), 1)],
)
def test_the_common_prefix_ends_where_two_answers_part(left, right, expected):
    assert words().common_prefix(left, right) == expected


# --- Looking for words ---------------------------------------------------------------------------


def found(text, query, whole_words=True):
    return [tuple(span) for span in words().occurrences(text, query, whole_words=whole_words)]


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
    assert words().nearest_words(text, query) == expected


def test_the_nearest_words_are_offered_as_written():
    assert words().nearest_words("A McDonald and a mcdonald", "mcdonlad") == "McDonald"
