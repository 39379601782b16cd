"""Answers are written with real tokenizers of the two kinds in use, trained here on a few lines."""

import pickle
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

CORPUS = [
    "a cat on a tree",
    "The cat's banana is yellow, well-known and ripe.",
    "Yes, there is a handbag. No, there is none.",
    "two bananas, three cats and one black dog",
] * 5

EMOJI = "\U0001f600"  # four bytes in UTF-8
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"

TEXTS = [
    "a cat on a tree.",
    "The cat's bananas, well-known!",
    "Yes",
    "naïve café, Straße",
    f"a {EMOJI} cat {EMOJI}{EMOJI}",
    f"{EMOJI} first",
    f"a {FAMILY} at home",
    "一只黑猫在树上",
    "cat 猫 cat",
    "two  spaces\nand a line",
    "naïve cafe\u0301",
    "हिन्दी में",
    "zebra \u2603 xyzzy",
]


@dataclass(frozen=True)
class Writer:
    """A tokenizer as a model's adapter uses it."""

    tokenizer: Tokenizer

    @property
    def eos(self):
        return self.tokenizer.token_to_id("</s>")

    def encode(self, text):
        return tuple(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def decode(self, ids):
        return self.tokenizer.decode(list(ids), skip_special_tokens=True)

    def generation(self, ids):
        from eagle_mllm.attribution.generation import Generation

        return Generation.from_ids(
            ids,
            image=np.zeros((2, 3, 3), dtype=np.uint8),
            prompt="What is in the image?",
            decode=self.decode,
            special={self.eos},
            encode=self.encode,
        )

    def says(self, text):
        return self.generation((*self.encode(text), self.eos))


def byte_level():
    """Bytes joined to tokens, as GPT-2, Qwen and Llama 3 have them."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(
            vocab_size=330,
            special_tokens=["</s>"],
            initial_alphabet=alphabet,
            show_progress=False,
        ),
    )
    return Writer(tokenizer)


def sentencepiece_bpe():
    """Pieces with a mark for the space and bytes for the unknown, as Llama 2 has them."""
    trained = Tokenizer(models.BPE(unk_token="<unk>"))
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    trained.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(vocab_size=90, special_tokens=["<unk>", "</s>"], show_progress=False),
    )
    pieces = trained.get_vocab()
    merges = [
        (left, right)
        for whole in sorted(pieces, key=pieces.get)
        for left, right in [(whole[:cut], whole[cut:]) for cut in range(1, len(whole))]
        if left in pieces and right in pieces
    ]
    for byte in range(256):
        pieces[f"<0x{byte:02X}>"] = len(pieces)
    tokenizer = Tokenizer(
        models.BPE(pieces, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    )
    tokenizer.add_special_tokens(["<unk>", "</s>"])
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return Writer(tokenizer)


def sentencepiece_unigram():
    """The same, with a unigram model and Metaspace."""
    characters = sorted(set("".join(CORPUS)) - {" "})
    pieces = [("<unk>", 0.0), ("</s>", 0.0)]
    pieces += [(f"<0x{byte:02X}>", -9.0) for byte in range(256)]
    pieces += [(character, -6.0) for character in ["▁", *characters]]
    pieces += [(piece, -3.0) for piece in ["▁cat", "▁ban", "ana", "▁a", "▁tr", "ee"]]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=True))
    tokenizer.add_special_tokens(["<unk>", "</s>"])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Sequence(
        [decoders.ByteFallback(), decoders.Metaspace(), decoders.Fuse()]
    )
    return Writer(tokenizer)


WRITERS = {
    "byte-level BPE": byte_level(),
    "SentencePiece BPE": sentencepiece_bpe(),
    "SentencePiece unigram": sentencepiece_unigram(),
}
EACH_WRITER = pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS.keys())


@pytest.fixture(params=WRITERS.values(), ids=WRITERS.keys())
def writer(request):
    return request.param


@pytest.fixture
def refused():
    """The one-line message with which a target is refused."""
    from eagle_mllm.errors import TargetError

    def message(function, *args, **kwargs):
        with pytest.raises(TargetError) as error:
            function(*args, **kwargs)
        assert "\n" not in str(error.value)
        return str(error.value)

    return message


# --- Tokens and characters -----------------------------------------------------------------------


@pytest.mark.parametrize("text", TEXTS)
def test_the_text_comes_back_and_the_spans_cover_it(writer, text):
    generation = writer.says(text)
    assert generation.text == text
    assert_spans_are_sound(generation)


@EACH_WRITER
@settings(max_examples=60, deadline=None)
@given(text=st.text("acts nb.\n,'-é中猫😀\u0301ß", max_size=25))
def test_spans_are_sound_for_any_text(writer, text):
    generation = writer.says(text)
    assert generation.text == writer.decode(writer.encode(text))
    assert_spans_are_sound(generation)


@EACH_WRITER
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_spans_are_sound_for_any_tokens_even_broken_bytes(writer, data):
    token = st.integers(0, writer.tokenizer.get_vocab_size() - 1)
    assert_spans_are_sound(writer.generation(data.draw(st.lists(token, max_size=15))))


def assert_spans_are_sound(generation):
    text, spans = generation.text, generation.spans
    assert list(spans) == sorted(spans, key=lambda span: span.start)
    covered = {index for span in spans for index in range(span.start, span.stop)}
    assert covered == set(range(len(text)))
    assert "".join(generation.tokens) == text
    assert all(
        span.start == span.stop
        for span, special in zip(spans, generation.special, strict=True)
        if special
    )
    of_words = {position for word in generation.words for position in word.tokens}
    letters = {index for index, character in enumerate(text) if character.isalnum()}
    for position, span in enumerate(spans):
        assert (position in of_words) == any(
            max(word.start, span.start) < min(word.stop, span.stop) for word in generation.words
        )
        if letters & set(range(span.start, span.stop)):
            assert position in of_words


def test_the_space_that_sentencepiece_drops_shifts_nothing(writer):
    generation = writer.says("cat on a cat")
    first, *_, last = (generation.text[span.start : span.stop] for span in generation.spans[:-1])
    assert "cat".startswith(first)
    assert "cat".endswith(last.strip())


@pytest.mark.parametrize("character", [EMOJI, "猫", "\u0939"])
def test_a_character_of_several_tokens_belongs_to_all_of_them(writer, character):
    text = f"a {character} cat"
    target = writer.says(text).span(character)
    assert len(target) >= len(character.encode())
    assert writer.decode(target.ids).strip() == character


def test_a_token_shown_empty_is_one_whose_bytes_come_later(writer):
    generation = writer.says(f"a {EMOJI}")
    shown = [generation.tokens[position] for position in generation.span(EMOJI).positions]
    assert shown[-1] == EMOJI
    assert "".join(shown).strip() == EMOJI


def test_an_answer_cut_inside_a_character_keeps_its_beginning(writer):
    generation = writer.generation(writer.encode(f"a cat {EMOJI}")[:-1])
    assert generation.text.startswith("a cat \ufffd")
    assert generation.find("cat").text == "cat"


def test_special_tokens_have_empty_spans_wherever_they_stand(writer):
    before, after = writer.encode("a cat"), writer.encode(", tree")
    generation = writer.generation((*before, writer.eos, *after, writer.eos))
    specials = [
        span for span, special in zip(generation.spans, generation.special, strict=True) if special
    ]
    assert [span.stop - span.start for span in specials] == [0, 0]
    assert generation.find("cat").positions[-1] < len(before)


def test_a_special_token_between_the_bytes_of_a_character_has_an_empty_span():
    writer = WRITERS["byte-level BPE"]
    first, *others = writer.encode(EMOJI)
    generation = writer.generation((first, writer.eos, *others))
    assert generation.text == EMOJI
    assert [tuple(span) for span in generation.spans] == [(0, 1), (0, 0), (0, 1), (0, 1), (0, 1)]


def test_spans_by_hand():
    from eagle_mllm.attribution.generation import Span, token_spans, token_texts

    # "▁a", " <first byte>", "<second byte>", "n"; 9 is special.
    texts = {(): "", (0,): "a", (0, 1): "a \ufffd", (0, 1, 2): "a é", (0, 1, 2, 3): "a én"}
    texts |= {(0, 1, 2, 3, 9): "a én", (9,): ""}
    text, spans = token_spans((0, 1, 2, 3, 9), lambda ids: texts[tuple(ids)])
    assert text == "a én"
    assert spans == (Span(0, 1), Span(1, 3), Span(2, 3), Span(3, 4), Span(4, 4))
    assert token_texts(text, spans) == ("a", " ", "é", "n", "")


# --- Targets -------------------------------------------------------------------------------------


@pytest.fixture
def answer(writer):
    return writer.says("Two black cats and a black dog hold a banana, a well-known one.")


def test_the_whole_answer_leaves_the_end_out_unless_asked(answer):
    n_tokens = len(answer.ids)
    target = answer.all()
    assert target.positions == tuple(range(n_tokens - 1))
    assert target.ids == answer.ids[:-1]
    assert target.text == answer.text
    assert not target.is_counterfactual
    assert answer.all(include_eos=True).ids == answer.ids


def test_one_token_and_a_range_of_tokens_are_chosen_by_position(answer):
    assert (answer.at(3).positions, answer.at(3).ids) == ((3,), answer.ids[3:4])
    target = answer.at(3, 5)
    assert target.positions == (3, 4)
    assert len(target) == 2
    assert target.text == "".join(answer.tokens[3:5]).strip()


def test_the_end_can_be_a_target_of_its_own(answer):
    last = len(answer.ids) - 1
    named = replace(answer, tokens=(*answer.tokens[:-1], "</s>"))
    assert named.at(last).ids == answer.ids[-1:]
    assert named.at(last).text == "</s>"


@pytest.mark.parametrize("word", ["Two", "cats", "dog", "banana", "well-known", "one"])
def test_a_word_is_found_with_all_its_tokens(writer, answer, word):
    target = answer.find(word)
    assert target.text == word
    assert writer.decode(target.ids).strip(" ,.") == word
    assert target.positions == tuple(range(target.positions[0], target.positions[-1] + 1))


def test_every_word_of_the_answer_is_found(answer):
    for word in answer.words:
        assert word.tokens in {
            answer.find(word.text, occurrence).positions
            for occurrence in range(sum(other.text == word.text for other in answer.words))
        }


def test_several_words_are_found_together(answer):
    target = answer.find("black  dog")
    assert target.text == "black dog"
    assert set(answer.find("dog").positions) < set(target.positions)


def test_repeated_words_are_told_apart(answer):
    first, second = answer.find("black"), answer.find("black", 1)
    assert first.ids == second.ids
    assert first.positions < second.positions
    assert answer.find("black", -1) == second


def test_case_is_a_hint_and_no_condition(answer):
    assert answer.find("two") == answer.find("Two")
    assert answer.span("BLACK DOG") == answer.span("black dog")


def test_a_span_takes_every_token_it_touches(writer, answer):
    target = answer.span("anan")
    assert target.text == "anan"
    assert "anan" in writer.decode(target.ids)
    assert set(target.positions) <= set(answer.find("banana").positions)
    assert answer.span("a", 1).positions != answer.span("a").positions


def test_emoji_and_chinese_words_are_found(writer):
    generation = writer.says(f"一只黑猫 {EMOJI} 在树上")
    assert writer.decode(generation.find("黑猫").ids).strip() == "黑猫"
    assert writer.decode(generation.find(EMOJI).ids).strip() == EMOJI


def test_each_word_is_a_target_in_the_order_of_the_answer(answer):
    targets = answer.each_word()
    assert [target.text for target in targets] == [word.text for word in answer.words]
    assert [target.positions for target in targets] == [word.tokens for word in answer.words]
    assert [target for target in targets if target.text == "black"] == [
        answer.find("black"),
        answer.find("black", 1),
    ]


@pytest.mark.parametrize("text", ["?!", EMOJI, "..."])
def test_an_answer_without_words_is_one_clear_line(writer, refused, text):
    message = refused(writer.says(text).each_word)
    assert f'"{text}" has no words' in message


def test_words_know_their_place_and_tokens(answer):
    assert [word.text for word in answer.words][:3] == ["Two", "black", "cats"]
    for word in answer.words:
        assert answer.text[word.start : word.stop] == word.text
        assert word.tokens


# --- Targets that are not there ------------------------------------------------------------------


def test_a_misspelt_word_is_refused_with_the_nearest(answer, refused):
    message = refused(answer.find, "bananna")
    assert message.startswith("'bananna' is not in \"Two black cats")
    assert message.endswith("did you mean 'banana'?")


def test_part_of_a_word_is_refused_with_the_word(answer, refused):
    assert "did you mean 'cats'?" in refused(answer.find, "cat")


def test_a_word_like_no_other_is_refused_without_a_guess(answer, refused):
    message = refused(answer.span, "xylophone")
    assert "is not in" in message
    assert "did you mean" not in message


@pytest.mark.parametrize(("occurrence", "missing"), [(2, "#3"), (-3, "3 from the end")])
def test_an_occurrence_that_is_not_there_is_refused_with_those_that_are(
    answer, refused, occurrence, missing
):
    assert refused(answer.find, "black", occurrence) == (
        "'black' occurs 2 times in the answer, "
        '#1 "Two [black] cats and a black…", #2 "…black cats and a [black] dog hold a banana,…"; '
        f"there is no {missing}"
    )
    assert refused(answer.find, "dog", 1).startswith("'dog' occurs once in the answer, #1 ")


def test_many_occurrences_are_not_all_listed(writer, refused):
    message = refused(writer.says("cat, " * 9).find, "cat", 9)
    assert message.endswith("and so on; there is no #10")
    assert message.count("#") == 7


def test_every_occurrence_is_found(answer):
    assert answer.find_all("black") == (answer.find("black"), answer.find("black", 1))
    assert answer.find_all("dog") == (answer.find("dog"),)
    assert answer.span_all("an") == tuple(answer.span("an", turn) for turn in range(3))


def test_every_occurrence_of_nothing_is_refused(answer, refused):
    assert "did you mean 'dog'?" in refused(answer.find_all, "dig")
    assert "is not in" in refused(answer.span_all, "xylophone")


HALVES = ["\ud800", "a\udce9b", "red \ud83d circle"]


@pytest.mark.parametrize("text", HALVES, ids=ascii)
def test_text_that_is_not_unicode_is_refused_everywhere(answer, refused, text):
    for asked in (
        answer.find,
        answer.find_all,
        answer.span,
        answer.span_all,
        answer.counterfactual,
    ):
        message = refused(asked, text)
        assert "not a Unicode character; give text in UTF-8" in message
        assert message.isascii()
    assert "not a Unicode" in refused(answer.counterfactual, "a", replacing=text)
    assert "not a Unicode" in refused(answer.counterfactual, text, replacing="dog")


@pytest.mark.parametrize("text", HALVES, ids=ascii)
def test_an_answer_is_unicode(writer, text):
    from eagle_mllm.errors import ModelError

    generation = writer.says("a cat")
    with pytest.raises(ModelError, match=r"the prompt holds '.ud"):
        replace(generation, prompt=text)
    with pytest.raises(ModelError, match=r"the answer holds '.ud"):
        replace(generation, text=text)


@pytest.mark.parametrize("text", ["a\x00b", "\x1b[31mred", "a\x07", "\x85a", "a\x7f"])
def test_control_characters_are_characters_like_any_other(writer, text):
    generation = writer.says(text)
    assert generation.text == text
    assert generation.span(text.strip()[:2]).positions
    assert all(word.text.isalnum() for word in generation.words)


@pytest.mark.parametrize("query", ["", " \n"])
def test_nothing_cannot_be_found(answer, refused, query):
    assert "nothing to look for" in refused(answer.find, query)
    assert "nothing to look for" in refused(answer.span, query)


@pytest.mark.parametrize(("start", "stop"), [(-1, None), (99, None), (2, 2), (3, 1), (0, 99)])
def test_tokens_outside_the_answer_are_refused_with_those_there_are(writer, refused, start, stop):
    message = refused(writer.says("a cat").at, start, stop)
    assert "the answer has" in message
    assert "0 'a'" in message


def test_a_long_answer_is_cut_short_in_messages(writer, refused):
    long = writer.says("a cat on a tree\n" * 40)
    assert len(refused(long.find, "xylophone")) < 220
    assert refused(long.at, 9999).endswith("and so on")


@pytest.mark.parametrize("ids", ["none", "end alone"])
def test_an_empty_answer_has_nothing_to_explain(writer, refused, ids):
    generation = writer.generation(() if ids == "none" else (writer.eos,))
    assert generation.words == ()
    assert "the answer is empty" in refused(generation.all)
    assert "is not in" in refused(generation.find, "cat")


def test_an_answer_that_is_only_its_end_can_be_asked_why(writer):
    assert writer.generation((writer.eos,)).all(include_eos=True).ids == (writer.eos,)


# --- Other answers -------------------------------------------------------------------------------


def test_another_answer_is_one_token_where_it_departs(writer):
    generation = writer.says("Yes, there is a handbag.")
    target = generation.counterfactual("No, there is none.")
    other = writer.encode("No, there is none.")
    at = target.positions[0]
    assert len(target) == 1
    assert target.is_counterfactual
    assert target.ids == (other[at],) != (generation.ids[at],)
    assert other[:at] == generation.ids[:at]
    assert target.text == "No, there is none."


def test_another_word_departs_where_the_word_stands(writer):
    generation = writer.says("a cat on a tree")
    target = generation.counterfactual("banana", replacing="tree")
    other = writer.encode("a cat on a banana")
    assert target.positions[0] in generation.find("tree").positions
    assert target.ids == (other[target.positions[0]],)
    assert target.text == "banana"


def test_another_answer_may_share_its_first_words(writer):
    generation = writer.says("a cat on a tree")
    assert generation.counterfactual("a cat on a banana") == replace(
        generation.counterfactual("banana", replacing="tree"), text="a cat on a banana"
    )


def test_an_answer_that_goes_on_departs_at_the_end(writer):
    generation = writer.says("a cat.")
    target = generation.counterfactual("a cat. Yes")
    assert target.positions == (len(generation.ids) - 1,)
    assert target.ids == (writer.encode("a cat. Yes")[target.positions[0]],)


def test_another_answer_begins_with_the_space_that_the_model_wrote():
    writer = WRITERS["byte-level BPE"]
    target = writer.says(" Yes").counterfactual("No")
    assert target.positions == (0,)
    assert target.ids == writer.encode(" No")[:1]
    assert target.text == "No"


@pytest.mark.parametrize("answer", ["Yes, there is.", "Yes", ""])
def test_an_answer_that_is_given_already_is_refused(writer, refused, answer):
    message = refused(writer.says("Yes, there is.").counterfactual, answer)
    assert "already begins with" in message


def test_the_first_token_of_an_answer_is_no_other_answer(refused):
    generation = WRITERS["byte-level BPE"].says("cats9")
    assert "already begins with" in refused(generation.counterfactual, "cats")


def test_an_answer_cut_off_cannot_be_continued(writer, refused):
    cut = writer.generation(writer.encode("a cat."))
    assert "max_new_tokens" in refused(cut.counterfactual, "a cat. Yes")


def test_a_word_to_replace_must_be_there(writer, refused):
    generation = writer.says("a cat on a tree")
    assert "did you mean 'tree'?" in refused(generation.counterfactual, "dog", replacing="tre")


def test_without_an_encoder_there_is_no_other_answer(writer, refused):
    stored = replace(writer.says("Yes"), encode=None)
    assert "loaded from a file" in refused(stored.counterfactual, "No")


def test_unusual_tokens_cannot_be_compared_with_another_answer(refused):
    writer = WRITERS["byte-level BPE"]
    letters = [token for letter in "cat" for token in writer.encode(letter)]
    generation = writer.generation((*writer.encode("a"), *writer.encode(" "), *letters, writer.eos))
    assert generation.text == "a cat"
    assert generation.ids != writer.says("a cat").ids
    assert "model.with_answer" in refused(generation.counterfactual, "a cat on")
    assert generation.counterfactual("No").positions == (0,)


def test_the_first_token_that_differs_departs_however_the_answer_is_usually_written():
    from eagle_mllm.attribution.generation import Generation, Span

    codes = {"ab": (1,), "ac": (2, 3)}
    generation = Generation(
        image=np.zeros((1, 1, 3), np.uint8), prompt="", text="ab", ids=(2, 4), tokens=("a", "b"),
        spans=(Span(0, 1), Span(1, 2)), special=(False, False), encode=codes.__getitem__,
    )  # fmt: skip
    target = generation.counterfactual("ac")
    assert (target.positions, target.ids) == ((1,), (3,))


@pytest.mark.parametrize("other", ["yes, there is.", "YES", "Yes,  there is."])
def test_another_case_or_white_space_is_another_answer(writer, other):
    generation = writer.says("Yes, there is.")
    target = generation.counterfactual(other)
    position = target.positions[0]
    assert target.ids[0] == writer.encode(other)[position] != generation.ids[position]


def test_the_beginning_of_a_word_is_another_answer():
    writer = WRITERS["byte-level BPE"]
    target = writer.says("a cat").counterfactual("a ca")
    assert target.ids[0] != writer.encode("a cat")[target.positions[0]]


def test_another_occurrence_can_be_replaced(answer):
    first = answer.counterfactual("red", replacing="black")
    second = answer.counterfactual("red", replacing="black", occurrence=1)
    assert first.positions[0] in answer.find("black").positions
    assert second.positions[0] in answer.find("black", 1).positions


def test_a_word_can_be_left_out(writer):
    generation = writer.says("a black cat")
    target = generation.counterfactual("", replacing="black")
    assert target == replace(generation.counterfactual("a cat"), text="")


def test_a_text_that_the_vocabulary_cannot_tell_from_the_answer_is_refused_so():
    from eagle_mllm.attribution.words.departure import first_departure
    from eagle_mllm.errors import TargetError

    with pytest.raises(TargetError, match=r"writes .* in the very tokens with which the answer"):
        first_departure("a  cat", text="a cat", ids=(1, 2, 0), encode=lambda text: (1, 2))


def test_an_answer_that_its_own_tokenizer_refuses_still_has_others():
    from eagle_mllm.attribution.words.departure import first_departure
    from eagle_mllm.errors import TargetError

    def encode(text):
        if "<s>" in text:
            raise TargetError("a control token")
        return (7,)

    assert first_departure("No", text="<s>", ids=(1, 2, 3), encode=encode) == (0, 7)


ANSWERS = st.text("Yes,no. acts\n9'é猫", max_size=12)


@EACH_WRITER
@settings(max_examples=150, deadline=None)
@given(given_text=ANSWERS, other=ANSWERS, cut=st.booleans())
def test_another_answer_departs_or_the_reason_is_true(writer, given_text, other, cut):
    ids = writer.encode(given_text)
    assert_departs_or_says_why(writer.generation(ids if cut else (*ids, writer.eos)), other)


def assert_departs_or_says_why(generation, other):
    """A token in place of the written one after the same context; or a reason that is so."""
    from eagle_mllm.errors import TargetError

    text, body = generation.text, [
        token for token, special in zip(generation.ids, generation.special, strict=True)
        if not special
    ]  # fmt: skip
    lead = text[: len(text) - len(text.lstrip())]
    try:
        target = generation.counterfactual(other)
    except TargetError as error:
        reason = str(error)
        if "already begins with" in reason:
            assert text.startswith(lead + other.strip())
        elif "very tokens" in reason:
            tokens = generation.encode(lead + other.strip())
            assert tuple(body[: len(tokens)]) == tuple(tokens)
        elif "cut off" in reason:
            assert generation.encode(lead + other.strip())[: len(body)] == tuple(body)
            assert not any(generation.special)
        else:
            assert "unusual tokens" in reason
            assert list(generation.encode(text)) != body
        return
    (position,), (token,) = target.positions, target.ids
    assert token != generation.ids[position]
    assert generation.encode(lead + other.strip())[: position + 1] == (
        *generation.ids[:position],
        token,
    )


# --- The values themselves -----------------------------------------------------------------------


def test_a_generation_prints_short(writer):
    generation = writer.says("a cat")
    n_tokens = len(generation.ids)
    assert repr(generation) == f'Generation("a cat", {n_tokens} tokens, image 2x3)'


def test_the_encoder_is_no_part_of_the_value(writer):
    generation = writer.says("a cat")
    assert generation == replace(generation, encode=None)
    assert generation != replace(generation, prompt="Why?")


def test_pickling_keeps_a_generation(writer):
    generation = writer.says("a cat")
    again = pickle.loads(pickle.dumps(generation))
    assert again == generation
    assert again.encode("a tree") == generation.encode("a tree")
    assert not again.image.flags.writeable


def test_tokens_and_spans_must_be_as_many_as_ids(writer):
    from eagle_mllm.errors import ModelError

    generation = writer.says("a cat")
    n_tokens = len(generation.ids)
    with pytest.raises(ModelError, match=rf"{n_tokens} ids, 1 tokens, {n_tokens} spans"):
        replace(generation, tokens=("a cat",))


@pytest.mark.parametrize("edges", [(-1, 0), (2, 1), (0, 6)])
def test_spans_must_lie_in_the_text(writer, edges):
    from eagle_mllm.attribution.generation import Span
    from eagle_mllm.errors import ModelError

    generation = writer.says("a cat")
    with pytest.raises(ModelError, match="answer of 5 characters"):
        replace(generation, spans=(Span(*edges), *generation.spans[1:]))


@pytest.mark.parametrize(
    ("positions", "ids"),
    [((), ()), ((1,), ()), ((1,), (2, 3)), ((2, 1), (5, 5)), ((1, 1), (5, 5)), ((-1, 0), (5, 5))],
)
def test_a_target_has_rising_positions_and_as_many_ids(refused, positions, ids):
    from eagle_mllm.attribution.generation import Target

    assert "expected" in refused(Target, positions=positions, ids=ids, text="cat")


def test_a_target_may_ask_about_several_ids_at_one_position():
    from eagle_mllm.attribution.generation import Target

    assert len(Target(positions=(0, 0, 1), ids=(5, 6, 5), text="Yes or No")) == 3
