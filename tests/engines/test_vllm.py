"""The demo models behind a real vLLM, float32 on the CPU: `make engines`, `make test-engines`."""

import json
import os

import numpy as np
import pytest
from serving import as_vllm_reads, vllm

from eagle_mllm.attribution.method import Eagle, attribute
from eagle_mllm.attribution.search.multilevel import MultilevelSearch
from eagle_mllm.attribution.segmentation import segment
from eagle_mllm.connecting import connect
from eagle_mllm.loading import load_model
from eagle_mllm.scenes.language import CAPTION_PROMPT
from engines import measure_all

PYTHON = os.environ.get("EAGLE_VLLM_PYTHON", "")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON, reason="needs a vLLM: make engines, make test-engines"),
]


@pytest.fixture(scope="module", params=["llava", "qwen2_5_vl", "internvl"])
def family(request):
    return request.param


@pytest.fixture(scope="module")
def checkpoint(family, tmp_path_factory):
    return as_vllm_reads(family, tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="module")
def url(checkpoint):
    with vllm(PYTHON, checkpoint) as address:
        yield address


@pytest.fixture(scope="module")
def in_process(family):
    return load_model(f"demo/{family}", pixels="processor", dtype="float32")


@pytest.mark.parametrize("engine", ["vllm", "vllm-tokens"])
def test_probabilities_are_those_in_process(url, checkpoint, in_process, picture, engine):
    served = connect(url, checkpoint=checkpoint, engine=engine, cache=None)
    assert float(served.info.details["agreement"]) < 1e-4
    generation = in_process.generate(picture, CAPTION_PROMPT)
    assert served.generate(picture, CAPTION_PROMPT).ids == generation.ids
    target = generation.all(include_eos=True)
    regions = segment(picture, n_regions=16)
    shown = np.random.default_rng(0).random((16, len(regions))) < 0.5
    theirs, ours = (
        model.scorer(generation, target, regions)(shown) for model in (served, in_process)
    )
    np.testing.assert_allclose(theirs.probability, ours.probability, atol=1e-4)
    assert (theirs.predicted == ours.predicted).all()


def test_without_a_checkpoint_the_ids_of_the_server_are_the_same(url, in_process, picture):
    served = connect(url, cache=None)
    theirs, ours = (one.generate(picture, CAPTION_PROMPT) for one in (served, in_process))
    assert (theirs.ids, theirs.text, theirs.special) == (ours.ids, ours.text, ours.special)
    given = served.with_answer(picture, CAPTION_PROMPT, ours.text.strip())
    scorer = served.scorer(given, given.all(include_eos=True), segment(picture, n_regions=9))
    assert scorer(np.ones((1, scorer.hideable_regions.size), bool)).probability.min() > 0


def test_the_order_of_the_regions_is_that_in_process_but_for_ties(
    url, checkpoint, in_process, picture
):
    served = connect(url, checkpoint=checkpoint, agreement=False, cache=None)
    generation = in_process.generate(picture, CAPTION_PROMPT)
    regions = segment(picture, n_regions=16)
    method = Eagle(search=MultilevelSearch(budget=80))
    theirs, ours = (
        attribute(model, generation, generation.all(), method=method, regions=regions)
        for model in (served, in_process)
    )
    same = theirs.trace.order == ours.trace.order
    gains = np.abs(np.diff(ours.trace.insertion.mean(axis=1)))
    assert (same | (gains < 1e-3)).all()


@pytest.mark.parametrize("family", ["llava", "qwen2_5_vl", "internvl"])
def test_vllm_in_its_own_process_gives_the_same_probabilities(family, tmp_path):
    measure_all(PYTHON, scene=5, out=tmp_path, routes=[("vllm-offline", family)])
    (row,) = json.loads((tmp_path / "engines.json").read_text())["rows"]
    assert row["largest"] < 1e-4
    assert row["same_answer"]
    assert row["same_arg_max"] == 1
