import pytest
from hypothesis import given
from hypothesis import strategies as st

# Letters of several scripts, marks, joiners, spaces, punctuation and emoji.
TEXTS = st.text("aBé9ß½ 'ー’-&@:/+\u0301\u200d\u00ad\u00a0.,\n中文ねไำहि😀_", max_size=30)


def written(text):
    from eagle_mllm.attribution.words.breaks import word_spans

    return [text[start:stop] for start, stop in word_spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A cat sits.", ["A", "cat", "sits"]),
        ("", []),
        (" \n?! 😀", []),
        ("naïve cafe\u0301 Straße", ["naïve", "cafe\u0301", "Straße"]),
        ("고양이 한 마리", ["고양이", "한", "마리"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),  # noqa: RUF001
        ("кот на дереве", ["кот", "на", "дереве"]),
        ('צה"ל', ['צה"ל']),
        ("\u0301a", ["a"]),
    ],
)
def test_words_are_runs_of_letters_and_digits(text, expected):
    assert written(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the cat's toy, don't", ["the", "cat's", "toy", "don't"]),
        ("the cat’s toy", ["the", "cat’s", "toy"]),
        ("a well-known sit-in", ["a", "well-known", "sit-in"]),
        ("well\u2011known, well\u2010known", ["well\u2011known", "well\u2010known"]),
        ("'quoted' -dash- rock'n'roll", ["quoted", "dash", "rock'n'roll"]),
        ("dogs' bones", ["dogs", "bones"]),
        ("one--two it''s", ["one", "two", "it", "s"]),
        ("ab-中", ["ab", "中"]),
        ("ba\u00adnana", ["ba\u00adnana"]),
        ("snake_case, _cat_ and __init__", ["snake_case", "cat", "and", "init"]),
        ("U.S. and e.g. a Ph.D.", ["U.S", "and", "e.g", "a", "Ph.D"]),
        ("AT&T, R&D, cats&dogs", ["AT&T", "R&D", "cats", "dogs"]),
        ("photo.jpg on example.com", ["photo.jpg", "on", "example.com"]),
        ("a cat.Two dogs. yes...no", ["a", "cat", "Two", "dogs", "yes", "no"]),
        ("Answer:yes and/or no", ["Answer", "yes", "and", "or", "no"]),
        ("col·lecció", ["col·lecció"]),
    ],
)
def test_what_joins_letters_is_inside_a_word_and_not_around_it(text, expected):
    assert written(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 cats, 3.5 kg", ["2", "cats", "3.5", "kg"]),
        ("1,000,000.50 or 1'000", ["1,000,000.50", "or", "1'000"]),
        ("at 12:30, 16:9, on 2024-05-06", ["at", "12:30", "16:9", "on", "2024-05-06"]),
        ("1/2 or 2½ m²", ["1/2", "or", "2½", "m²"]),
        ("-3, −3, +3, .5, -.5 and 10-20", ["-3", "−3", "+3", ".5", "-.5", "and", "10-20"]),
        ("(-3) or 5 - 3 or 5 -3", ["-3", "or", "5", "3", "or", "5", "-3"]),
        ("10\u00a0000 or 10\u202f000\u202f000", ["10\u00a0000", "or", "10\u202f000\u202f000"]),
        ("3\u00a0cats, 12\u00a05000", ["3", "cats", "12", "5000"]),
        ("３．５ and ٣٫٥", ["３．５", "and", "٣٫٥"]),  # noqa: RUF001
        ("1st, 3D, v2.0, 5%, $5, #3.", ["1st", "3D", "v2.0", "5", "5", "3"]),
        ("1. A cat. 2. A dog", ["1", "A", "cat", "2", "A", "dog"]),
    ],
)
def test_a_number_is_one_word_with_its_sign_and_separators(text, expected):
    assert written(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ask cat@dog.org.", ["ask", "cat@dog.org"]),
        ("cat_a+b@dog.org--", ["cat_a+b@dog.org"]),
        ("请联系cat.a@dog.org。", ["请", "联", "系", "cat.a@dog.org"]),
        ("(https://cat.org/a/dog?x=1).", ["https://cat.org/a/dog?x=1"]),
        ("see www.cat.com, cat.org/dog", ["see", "www.cat.com", "cat.org/dog"]),
        ("@cat and #dog", ["cat", "and", "dog"]),
    ],
)
def test_an_address_is_one_word(text, expected):
    assert written(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("黑猫sitzt在树上", ["黑", "猫", "sitzt", "在", "树", "上"]),
        ("ねこ。カード", ["ね", "こ", "カード"]),
        ("か\u3099", ["か\u3099"]),
        ("แมวดำ", ["แ", "ม", "ว", "ดำ"]),
        ("ລາວ", ["ລ", "າ", "ວ"]),
        ("ភាសា", ["ភា", "សា"]),
        ("မြန်မာ", ["မြ", "န်", "မာ"]),
    ],
)
def test_scripts_without_spaces_have_words_by_the_standard(text, expected):
    assert written(text) == expected


@given(TEXTS)
def test_words_follow_each_other_and_hold_every_letter_and_digit(text):
    from eagle_mllm.attribution.words.breaks import word_spans

    spans = word_spans(text)
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(edges)
    assert all(start < stop for start, stop in spans)
    covered = {index for start, stop in spans for index in range(start, stop)}
    assert {index for index, character in enumerate(text) if character.isalnum()} <= covered
    assert all(text[index] not in " \n😀" for index in covered)
    assert all(text[stop - 1] not in " .,:&@+_'-" for _, stop in spans)


@given(TEXTS)
def test_each_word_alone_is_one_word(text):
    assert all(written(word) == [word] for word in written(text))


@given(st.text())
def test_any_text_has_words_or_none(text):
    assert all(word.strip() for word in written(text))


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "run", ["-", "_", "a.b+", "a.", "www.", "a://", "a-", "1,", "红", "\u0301"]
)
def test_a_model_that_repeats_itself_takes_no_time(run):
    assert len(written(run * 20_000)) <= 20_000
