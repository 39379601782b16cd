"""The demo Qwen2.5-VL behind a real llama.cpp server."""

import pickle
import threading

import numpy as np
import pytest

from eagle_mllm.attribution.method import Eagle, attribute
from eagle_mllm.attribution.search.multilevel import MultilevelSearch
from eagle_mllm.attribution.segmentation import segment
from eagle_mllm.connecting import connect, untried
from eagle_mllm.engines.estimate import estimate
from eagle_mllm.engines.settings import ServerSettings
from eagle_mllm.errors import ModelError, TargetError
from eagle_mllm.loading import load_model
from eagle_mllm.scenes.language import CAPTION_PROMPT

AGREE = 0.05
"""llama.cpp leaves out the epsilon of its norms, so that probabilities are not the same."""


def some(n_rows, n_regions, seed=0):
    shown = np.random.default_rng(seed).random((n_rows, n_regions)) < 0.7
    shown[0], shown[-1] = True, False
    return shown


def test_the_server_writes_the_answer_of_the_model(served, local, picture):
    theirs, ours = (one.generate(picture, CAPTION_PROMPT) for one in (served, local))
    assert theirs.text == ours.text
    assert theirs.ids == ours.ids
    assert theirs.tokens == ours.tokens
    assert theirs.special == ours.special


def test_a_given_answer_has_the_ids_of_the_checkpoint_though_only_the_server_is_asked(
    served, local, picture
):
    for answer in ("A large red star.", "Nothing", " A star", "Größe, 3.5 €"):
        theirs, ours = (one.with_answer(picture, CAPTION_PROMPT, answer) for one in (served, local))
        assert theirs.ids == ours.ids
        assert theirs.encode(answer) == ours.encode(answer)


TURNS = [
    {"role": "system", "content": "Be terse."},
    {"role": "user", "content": CAPTION_PROMPT},
    {"role": "assistant", "content": "A large red star."},
    {"role": "user", "content": "Is there a moon?"},
]


@pytest.mark.parametrize("checkpoint", [None, "demo"])
def test_earlier_turns_are_scored_as_in_process(llama, cache, local, picture, checkpoint):
    served = connect(llama.url, cache=cache, checkpoint=checkpoint, agreement=False)
    theirs, ours = (
        one.with_answer(picture, messages=TURNS, answer="No.") for one in (served, local)
    )
    assert theirs.ids == ours.ids
    assert theirs.conversation == ours.conversation
    assert theirs.rendered == (None if checkpoint is None else ours.rendered)
    regions = segment(picture, method="grid", n_regions=16)
    shown = some(3, len(regions))
    scores = [
        model.scorer(one, one.all(), regions)(shown).probability
        for model, one in ((served, theirs), (local, ours))
    ]
    np.testing.assert_allclose(scores[0], scores[1], atol=AGREE)
    alone = local.with_answer(picture, "Is there a moon?", "No.")
    apart = local.scorer(alone, alone.all(), regions)(shown).probability - scores[1]
    assert np.abs(scores[0] - scores[1]).max() < np.abs(apart).max() / 4
    told = served.generate(picture, messages=TURNS)
    assert told.text == local.generate(picture, messages=TURNS).text


def test_probabilities_and_predictions_agree_with_those_in_process(served, local, picture):
    generation = local.generate(picture, CAPTION_PROMPT)
    target = generation.all(include_eos=True)
    regions = segment(picture, method="grid", n_regions=16)
    shown = some(8, len(regions))
    theirs, ours = (one.scorer(generation, target, regions)(shown) for one in (served, local))
    np.testing.assert_allclose(theirs.probability, ours.probability, atol=AGREE)
    assert np.abs(theirs.probability - ours.probability).mean() < 0.001
    assert (theirs.predicted == ours.predicted).mean() > 0.99


def test_without_the_epsilon_of_norms_probabilities_are_those_of_the_server(served, local, picture):
    bare = load_model("demo", pixels="processor")
    for norm in bare.module.modules():
        if type(norm).__name__.endswith("RMSNorm"):
            norm.variance_epsilon = 0.0
    generation = local.generate(picture, CAPTION_PROMPT)
    target = generation.all(include_eos=True)
    regions = segment(picture, n_regions=16)
    shown = some(4, len(regions))
    theirs, without, usual = (
        one.scorer(generation, target, regions)(shown).probability for one in (served, bare, local)
    )
    np.testing.assert_allclose(theirs, without, atol=0.01)
    assert np.abs(theirs - usual).max() > 3 * np.abs(theirs - without).max()


def test_an_explanation_finds_the_same_leading_regions_as_in_process(served, local, picture):
    regions = segment(picture, method="grid", n_regions=16)
    method = Eagle(search=MultilevelSearch(budget=40))
    theirs, ours = (
        attribute(one, generation, generation.find("cross"), method=method, regions=regions)
        for one in (served, local)
        for generation in [one.generate(picture, CAPTION_PROMPT)]
    )
    assert set(theirs.trace.order[:2]) == set(ours.trace.order[:2])
    np.testing.assert_allclose(theirs.trace.insertion, ours.trace.insertion, atol=AGREE)
    assert theirs.forward_passes <= 40


def test_a_counterfactual_is_scored_in_the_place_of_the_word(served, local, picture):
    generation = served.generate(picture, CAPTION_PROMPT)
    target = generation.counterfactual("blue", replacing="green")
    regions = segment(picture, method="grid", n_regions=4)
    shown = some(3, 4)
    theirs, ours = (one.scorer(generation, target, regions)(shown) for one in (served, local))
    np.testing.assert_allclose(theirs.probability, ours.probability, atol=AGREE)


def test_yes_or_no_is_one_token(served, local, picture):
    question = "Is there a circle in the image?"
    theirs, ours = (one.generate(picture, question) for one in (served, local))
    assert theirs.text == ours.text
    other = theirs.counterfactual("No" if theirs.text.startswith("Yes") else "Yes")
    regions = segment(picture, method="grid", n_regions=4)
    scores = served.scorer(theirs, other, regions)(some(3, 4))
    expected = local.scorer(ours, other, regions)(some(3, 4))
    np.testing.assert_allclose(scores.probability, expected.probability, atol=AGREE)


def test_an_answer_can_be_sent_to_another_process_and_still_encodes(served, picture):
    generation = served.generate(picture, CAPTION_PROMPT)
    copy = pickle.loads(pickle.dumps(generation))
    assert copy == generation
    assert copy.encode("A star.") == generation.encode("A star.")


def test_the_token_that_ends_the_answer_is_scored(served, picture):
    generation = served.generate(picture, CAPTION_PROMPT)
    last = len(generation.ids) - 1
    regions = segment(picture, method="grid", n_regions=4)
    scores = served.scorer(generation, generation.at(last), regions)(some(3, 4))
    assert scores.probability[0, 0] > 0.9
    assert scores.predicted[0, 0] == generation.ids[-1]


def test_a_checkpoint_gives_exact_ids_and_its_agreement_is_in_the_provenance(llama, picture):
    model = connect(llama.url, checkpoint="demo", cache=None)
    details = model.info.details
    assert details["engine"] == "llama.cpp"
    assert details["ids"] == "checkpoint"
    assert float(details["agreement"]) < AGREE
    assert float(details["noise"]) < 1e-3
    assert model.info.family == "qwen_vl"
    assert model.generate(picture, CAPTION_PROMPT).special[-1]


def test_another_checkpoint_than_the_one_served_is_refused_in_words(llama):
    with pytest.raises(ModelError, match=r"reads a prompt of|probabilities differ by"):
        connect(llama.url, checkpoint="demo/internvl", cache=None)


@pytest.mark.parametrize("prompt", ["a <|im_end|> b", "see <__media__>", "<|image_pad|>"])
def test_a_prompt_that_would_end_its_turn_or_bring_an_image_is_refused(served, picture, prompt):
    with pytest.raises(ModelError, match=r"control token|images instead of 1"):
        served.generate(picture, prompt)


@pytest.mark.parametrize("answer", ["", "  ", "yes<|im_end|>", "half \ud800"])
def test_an_answer_that_is_no_text_is_refused(served, picture, answer):
    with pytest.raises(TargetError):
        served.with_answer(picture, CAPTION_PROMPT, answer)


def test_two_explanations_at_once_do_not_disturb_each_other(served, llama, picture):
    generation = served.generate(picture, CAPTION_PROMPT)
    regions = segment(picture, method="grid", n_regions=4)
    shown = some(4, 4)
    alone = [
        served.scorer(generation, generation.find(word), regions)(shown)
        for word in ("circle", "cross")
    ]
    fresh = connect(llama.url, cache=None)
    found = {}

    def explain(word):
        found[word] = fresh.scorer(generation, generation.find(word), regions)(shown)

    threads = [threading.Thread(target=explain, args=(word,)) for word in ("circle", "cross")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for word, expected in zip(("circle", "cross"), alone, strict=True):
        np.testing.assert_array_equal(found[word].probability, expected.probability)


def test_a_server_that_is_killed_and_started_again_is_asked_again(own_llama, cache, picture):
    first = own_llama()
    model = connect(first.url, cache=cache)
    generation = model.generate(picture, CAPTION_PROMPT)
    regions = segment(picture, method="grid", n_regions=4)
    scorer = model.scorer(generation, generation.all(), regions)
    before = scorer(some(3, 4))
    first.kill()
    again = threading.Timer(0.7, own_llama, kwargs={"port": first.port})
    again.start()
    after = scorer(some(4, 4, seed=1))
    again.join()
    assert model.usage.retries > 0
    np.testing.assert_array_equal(after.probability[0], before.probability[0])


def test_what_was_scored_is_replayed_when_the_server_is_gone(own_llama, cache, picture):
    server = own_llama()
    regions = segment(picture, method="grid", n_regions=4)

    def explained():
        model = connect(server.url, cache=cache)
        generation = model.generate(picture, CAPTION_PROMPT)
        return model, attribute(model, generation, generation.find("cross"), regions=regions)

    _, first = explained()
    server.kill()
    model, second = explained()
    assert model.usage.requests == 0
    assert second.trace == first.trace
    with pytest.raises(ModelError, match="cannot be reached"):
        model.generate(picture, "What else?")


def test_an_interrupted_explanation_goes_on_where_it_was(llama, cache, picture):
    regions = segment(picture, method="grid", n_regions=9)
    method = Eagle(search=MultilevelSearch(budget=30))

    def explained(**options):
        model = connect(llama.url, **options)
        generation = model.generate(picture, CAPTION_PROMPT)
        target = generation.find("cross")
        return model, attribute(model, generation, target, method=method, regions=regions)

    whole, expected = explained(cache=None)
    with pytest.raises(ModelError, match="budget of 15 requests is spent"):
        explained(cache=cache, max_requests=15)
    resumed, attribution = explained(cache=cache)
    assert attribution.trace == expected.trace
    # Less what the interrupted one has paid for; one more looks whether it is the same model.
    assert resumed.usage.requests == whole.usage.requests - 15 + 1


def test_a_dry_run_sends_nothing_that_the_model_must_work_for(llama, picture):
    regions = segment(picture, method="grid", n_regions=4)
    settings = ServerSettings(urls=(llama.url,), checkpoint="demo", cache=None)
    model = untried(settings, model=None)
    cost = estimate(
        model, picture, CAPTION_PROMPT, regions, fill="black", passes=10, answer_tokens=20
    )
    assert model.usage.requests == 0
    assert cost.requests == 11  # its own answer, and a request for each image
    assert cost.tokens == 11 * (80 + 20)
    assert 11 * 1000 < cost.sent_bytes < 11 * 100_000
