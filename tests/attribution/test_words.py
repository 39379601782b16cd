import pytest


def words():
    from eagle_mllm.attribution.words import spans as words

    return words


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
