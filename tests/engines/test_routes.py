"""What is sent to each engine, and what is made of its answers, on servers that write it down."""

import base64
import copy
import io
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from eagle_mllm import connecting
from eagle_mllm.attribution.segmentation import segment
from eagle_mllm.connecting import connect
from eagle_mllm.engines.engine import Scores
from eagle_mllm.engines.vllm_rows import FIELD, AnswerRows, answer_rows
from eagle_mllm.errors import ModelError, SettingError, TargetError
from eagle_mllm.scenes.language import CAPTION_PROMPT

sys.path.insert(0, str(Path(__file__).parent))

from doubles import BEST, NAME, OpenAI, SGLang, Vllm, log_probability, pixels_of

ANSWER = "A red star."
OPTIONS = {"checkpoint": "demo", "agreement": False, "cache": None}


@pytest.fixture(scope="module")
def parts():
    """The family of the demo Qwen2.5-VL and the id that ends its answers."""
    from eagle_mllm.loading import load_family

    family, (end, *_) = load_family("demo")
    return family, end


@pytest.fixture
def vllm(parts):
    return Vllm(*parts)


@pytest.fixture
def regions(picture):
    return segment(picture, method="grid", n_regions=4)


SHOWN = np.array([[True] * 4, [True, False, True, False], [False] * 4])


def expected_of(picture, regions, n_tokens):
    images = [np.where(row[regions.labels][..., None], picture, 0) for row in SHOWN]
    places = range(n_tokens)
    return np.exp([[log_probability(image, place) for place in places] for image in images])


def test_vllm_chat_scores_the_answer_and_its_end_in_one_request(scripted, vllm, picture, regions):
    with scripted(vllm) as url:
        model = connect(url, **OPTIONS)
        generation = model.with_answer(picture, CAPTION_PROMPT, ANSWER)
        target = generation.all(include_eos=True)
        vllm.asked.clear()
        scores = model.scorer(generation, target, regions)(SHOWN)
    assert len(vllm.asked) == len(SHOWN)
    expected = expected_of(picture, regions, len(target))
    expected[:, -1] /= np.e  # what the double says of the end
    np.testing.assert_allclose(scores.probability, expected, rtol=1e-5)
    assert (scores.predicted == BEST).all()
    assert model.info.details["engine"] == "vllm"
    assert model.info.details["engine_version"] == "0.32.0"


def test_vllm_is_sent_these_fields_and_no_others_with_the_exact_pixels(
    scripted, vllm, picture, regions
):
    with scripted(vllm) as url:
        model = connect(url, **OPTIONS)
        generation = model.with_answer(picture, CAPTION_PROMPT, ANSWER)
        vllm.asked.clear()
        model.scorer(generation, generation.find("star"), regions)(SHOWN[:1])
    (body,) = vllm.asked
    assert set(body) == {
        "model", "messages", "max_completion_tokens", "temperature", "top_p", "repetition_penalty",
        "presence_penalty", "frequency_penalty", "return_token_ids", "add_generation_prompt",
        "continue_final_message", "prompt_logprobs", "add_special_tokens",
    }  # fmt: skip
    user, answer = body["messages"]
    assert [set(part) for part in user["content"]] == [{"type", "image_url"}, {"type", "text"}]
    assert set(user["content"][0]["image_url"]) == {"url"}  # a `uuid` would show another image
    np.testing.assert_array_equal(pixels_of(user["content"][0]["image_url"]["url"]), picture)
    assert answer == {"role": "assistant", "content": ANSWER}


def test_a_start_token_that_the_template_does_not_write_is_asked_for(scripted, picture):
    from eagle_mllm.loading import load_family

    family, (end, *_) = load_family("demo/llava")
    double = Vllm(family, end)
    with scripted(double) as url:
        connect(url, **{**OPTIONS, "checkpoint": "demo/llava"})
    assert all(body["add_special_tokens"] is True for body in double.asked)


def test_earlier_turns_are_messages_before_the_prompt(scripted, parts, picture, regions):
    turns = [
        {"role": "system", "content": "Be terse."},
        {"role": "user", "content": CAPTION_PROMPT},
        {"role": "assistant", "content": "A star."},
        {"role": "user", "content": "Is there a moon?"},
    ]
    asked = []

    def vllm(method, path, body):
        if path == "/v1/chat/completions" and body["messages"][0]["role"] == "system":
            asked.append(body["messages"])
            return 500, {"error": {"message": "enough"}}
        return Vllm(*parts)(method, path, body)

    with scripted(vllm) as url:
        model = connect(url, **OPTIONS)
        generation = model.with_answer(picture, messages=turns, answer=ANSWER)
        with pytest.raises(ModelError, match="enough"):
            model.scorer(generation, generation.all(), regions)(SHOWN[:1])
    system, first, said, last, answer = asked[0]
    assert (system, said, last) == (turns[0], turns[2], turns[3])
    assert [part["type"] for part in first["content"]] == ["image_url", "text"]
    assert answer == {"role": "assistant", "content": ANSWER}
    other = replace(generation, rendered=f"Today is Monday. {generation.rendered}")
    with pytest.raises(ModelError, match="writes this prompt otherwise than when it was answered"):
        model.scorer(other, other.all(), regions)


def without(*path):
    """Takes a field out of an answer."""

    def spoil(answer):
        spoiled = copy.deepcopy(answer)
        place = spoiled
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]
        return spoiled

    return spoil


def changed(**values):
    return lambda answer: {**answer, **values}


NO_END = {
    "logprobs": {"content": [{"token": "token_id:9", "logprob": -0.1, "top_logprobs": []}]},
}


def other_tokens(answer):
    ids = answer["prompt_token_ids"]
    return {**answer, "prompt_token_ids": [*ids[:-1], ids[-1] + 1]}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (changed(prompt_logprobs=None), "no log-probability for each token"),
        (without("prompt_logprobs"), "has no prompt_logprobs"),
        (without("prompt_token_ids"), "has no prompt_token_ids"),
        (without("choices", 0, "logprobs"), "has no logprobs"),
        (other_tokens, "reads the prompt and answer as other tokens"),
        (lambda a: {**a, "prompt_token_ids": a["prompt_token_ids"][1:]}, "as other tokens"),
        (changed(choices=[NO_END]), "that ends an"),
        (lambda a: {**a, "prompt_logprobs": [{"1": {"logprob": 0.7}}] * 99}, "no log-prob|has no"),
    ],
)
def test_what_a_server_leaves_out_or_misreads_is_refused_in_words(scripted, parts, spoil, said):
    with scripted(Vllm(*parts, spoil=spoil)) as url, pytest.raises(ModelError, match=said):
        connect(url, **OPTIONS)


def test_a_server_that_does_not_see_the_image_is_refused(scripted, parts, monkeypatch):
    import doubles

    monkeypatch.setattr(doubles, "log_probability", lambda pixels, place: -1.0 - place)
    with scripted(Vllm(*parts)) as url, pytest.raises(ModelError, match="images do not reach"):
        connect(url, **OPTIONS)


def test_a_model_that_the_server_does_not_have_is_named_with_the_nearest(scripted, vllm):
    with scripted(vllm) as url, pytest.raises(ModelError, match="no model 'quen'; did you mean"):
        connect(url, model="quen", **OPTIONS)


@pytest.mark.parametrize("name", ["demo", "demo/internvl"])
def test_the_route_for_ids_takes_one_placeholder_of_the_image(scripted, picture, regions, name):
    from eagle_mllm.loading import load_family

    family, (end, *_) = load_family(name)
    double = Vllm(family, end)
    image = connecting.picture()
    prompt, answer = family.encode(image, "Describe the image."), "A."
    ids = family.chat.encode_answer("Describe the image.", answer)
    double.expected = prompt.ids, (*ids, end)
    with scripted(double) as url:
        connect(url, engine="vllm-tokens", **{**OPTIONS, "checkpoint": name})
    ids = double.asked[0]["token_ids"]
    assert ids.count(family.config.image_token_id) == 1
    names = family.parts.tokenizer.convert_ids_to_tokens(ids)
    assert "<img>" not in names  # the engine writes it, and a second one would be in the way
    assert ids[-3:] == list(double.expected[1])


@pytest.mark.parametrize("rows", ["ignored", "refused", "given"])
@pytest.mark.parametrize("is_sure", [True, False])
def test_the_rows_of_the_answer_alone_are_asked_for_where_a_server_has_them(
    scripted, parts, picture, regions, monkeypatch, rows, is_sure
):
    import doubles

    def likely(pixels, place):
        return -(0.1 if is_sure else 0.8) - place / 100 + pixels.mean() / 2560

    monkeypatch.setattr(doubles, "log_probability", likely)
    family, end = parts
    double = Vllm(family, end, rows=rows)
    probe = family.encode(connecting.picture(), "Describe the image.")
    double.expected = probe.ids, (*family.chat.encode_answer("Describe the image.", "A."), end)
    with scripted(double) as url:
        model = connect(url, engine="vllm-tokens", **OPTIONS)
        generation = model.with_answer(picture, CAPTION_PROMPT, ANSWER)
        target = generation.all(include_eos=True)
        double.expected = family.encode(picture, CAPTION_PROMPT).ids, generation.ids
        double.asked.clear()
        scores = model.scorer(generation, target, regions)(SHOWN)
    is_given = rows == "given"
    assert model.info.details["rows"].startswith("the answer's" if is_given else "all")
    images = [np.where(row[regions.labels][..., None], picture, 0) for row in SHOWN]
    expected = np.exp([[likely(image, place) for place in range(len(target))] for image in images])
    np.testing.assert_allclose(scores.probability, expected, rtol=1e-5)
    short = ["prompt_logprob_token_ids" in body["sampling_params"] for body in double.asked]
    if is_given and is_sure:  # no other token can be likelier
        assert short == [True] * len(SHOWN)
        assert (scores.predicted == target.ids).all()
    else:
        assert short.count(False) == len(SHOWN)
        assert short.count(True) == (len(SHOWN) if is_given else 0)
        assert (scores.predicted == BEST).all()


def test_rows_that_are_no_array_or_other_than_before_are_refused():
    usual = Scores((-0.1, -0.2), (1, 2))
    assert answer_rows({}, (1, 2)) is None
    with pytest.raises(ModelError, match="is not an array"):
        answer_rows({FIELD: "AAAA"}, (1, 2))
    told = io.BytesIO()
    np.save(told, np.zeros((3, 1), np.float32))
    with pytest.raises(ModelError, match=r"has shape \(3, 1\), expected \(2, 1\)"):
        answer_rows({FIELD: base64.b64encode(told.getvalue()).decode()}, (1, 2))
    with pytest.raises(ModelError, match=r"by its rows alone 0\.72 apart from all rows"):
        AnswerRows().compare((-0.1, -2.3), usual)


def test_rows_that_leave_most_tokens_open_are_not_asked_for_any_more():
    rows = AnswerRows()
    rows.compare((-0.1, -0.2), Scores((-0.1, -0.2), (1, 2)))
    for _ in range(16):
        assert rows.pays
        assert rows.settled((-0.1, -0.7), (1, 2)) is None
    assert not rows.pays


def test_the_route_for_ids_that_is_switched_off_is_said_in_words(scripted, vllm):
    def closed(method, path, body):
        return (403, {}) if path == "/inference/v1/generate" else vllm(method, path, body)

    with scripted(closed) as url, pytest.raises(ModelError, match="--enable-scale-out"):
        connect(url, engine="vllm-tokens", **OPTIONS)
    with scripted(vllm) as url, pytest.raises(SettingError, match="needs the ids of the prompt"):
        connect(url, engine="vllm-tokens", cache=None)


def test_sglang_is_asked_by_text_and_marked_untested(scripted, parts):
    family, end = parts
    double = SGLang(family)
    prompt = family.encode(connecting.picture(), "Describe the image.")
    double.expected = prompt.ids, family.chat.encode_answer("Describe the image.", "A.")
    with scripted(double) as url:
        model = connect(url, **OPTIONS)
    body = double.asked[0]
    assert body["text"] == f"{prompt.text}A."
    assert body["logprob_start_len"] == 0
    assert body["token_ids_logprob"] == [end]
    assert model.info.details["tested"] == "no"


def test_a_closed_model_explains_its_first_token(scripted, cache, picture, regions):
    double = OpenAI()
    with scripted(double) as url:
        model = connect(url, cache=cache)
        generation = model.generate(picture, "Is it bright?")
        first, other = generation.tokens[0], {"Yes": "No", "No": "Yes"}
        scores = model.scorer(generation, generation.at(0), regions)(SHOWN)
        against = model.scorer(generation, generation.counterfactual(other[first]), regions)(SHOWN)
    assert generation.text == f"{first}, it is."
    np.testing.assert_allclose(scores.probability + against.probability, 1, atol=1e-5)
    assert double.asked[-1]["top_logprobs"] == 20


def test_more_than_the_first_token_of_a_closed_model_is_refused_with_the_reason(
    scripted, cache, picture, regions
):
    with scripted(OpenAI()) as url:
        model = connect(url, cache=cache)
        generation = model.generate(picture, "Is it bright?")
        with pytest.raises(TargetError, match=r"cannot score a given answer.*--token 0"):
            model.scorer(generation, generation.all(), regions)


def test_a_server_that_knows_the_older_name_of_the_limit_is_asked_by_it(scripted, picture):
    double = OpenAI(limit="max_tokens")
    with scripted(double) as url:
        connect(url, cache=None)
    assert all("max_completion_tokens" not in body for body in double.asked)


def test_transformers_serve_which_tells_no_log_probabilities_is_refused_in_words(scripted):
    with (
        scripted(OpenAI(has_logprobs=False)) as url,
        pytest.raises(ModelError, match="without log-probabilities, as `transformers serve`"),
    ):
        connect(url, cache=None)


def test_vllm_in_this_process_is_asked_for_many_images_in_one_call(
    monkeypatch, parts, picture, regions
):
    calls = []

    class LLM:
        def generate(self, prompts, parameters, use_tqdm):
            calls.append(len(prompts))
            return [self.answer(prompt) for prompt in prompts]

        def answer(self, prompt):
            pixels = np.asarray(prompt["multi_modal_data"]["image"])
            short = prompt["prompt_token_ids"]
            image = parts[0].config.image_token_id
            whole = parts[0].encode(pixels, CAPTION_PROMPT).ids
            tail = short[short.index(image) + 1 :]
            ids = [*whole[: whole.index(image)], *[image] * whole.count(image), *tail]

            def row(token, place):
                return {
                    token: SimpleNamespace(logprob=log_probability(pixels, place)),
                    BEST: SimpleNamespace(logprob=-1e-9),
                }

            rows = [None] * len(whole) + [
                row(token, place) for place, token in enumerate(ids[len(whole) :])
            ]
            return SimpleNamespace(prompt_token_ids=ids, prompt_logprobs=rows)

    vllm = SimpleNamespace(SamplingParams=lambda **wanted: wanted)
    monkeypatch.setitem(sys.modules, "vllm", vllm)
    model = connecting.from_vllm(LLM(), checkpoint="demo")
    generation = model.with_answer(picture, CAPTION_PROMPT, ANSWER)
    target = generation.all(include_eos=True)
    calls.clear()
    scores = model.scorer(generation, target, regions)(SHOWN)
    assert calls == [len(SHOWN)]
    expected = expected_of(picture, regions, len(target))
    np.testing.assert_allclose(scores.probability, expected, rtol=1e-5)


def test_several_servers_share_the_samples_and_must_serve_one_model(
    scripted, parts, picture, regions
):
    first, second = Vllm(*parts), Vllm(*parts)
    with scripted(first) as one, scripted(second) as two:
        model = connect([one, two], model=NAME, **OPTIONS)
        first.asked.clear()
        second.asked.clear()
        for number in range(8):
            image = np.roll(picture, number, axis=0)
            generation = model.with_answer(image, CAPTION_PROMPT, ANSWER)
            before = len(first.asked), len(second.asked)
            model.scorer(generation, generation.find("star"), regions)(SHOWN)
            grown = len(first.asked) - before[0], len(second.asked) - before[1]
            assert sorted(grown) == [0, len(SHOWN)]  # one server for all scores of a sample
    assert first.asked
    assert second.asked


def test_servers_of_different_models_are_refused(scripted, parts):
    def brighter(answer):
        more = copy.deepcopy(answer)
        for entry in more["prompt_logprobs"] or ():
            for value in (entry or {}).values():
                value["logprob"] /= 3
        return more

    with (
        scripted(Vllm(*parts)) as one,
        scripted(Vllm(*parts, spoil=brighter)) as two,
        pytest.raises(ModelError, match="serve different models"),
    ):
        connect([one, two], **OPTIONS)
