"""The demo models behind a real vLLM, float32 on the CPU: `make engines`, `make test-engines`."""

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

import numpy as np
import pytest

from eagle_mllm.attribution.method import Eagle, attribute
from eagle_mllm.attribution.search.multilevel import MultilevelSearch
from eagle_mllm.attribution.segmentation import segment
from eagle_mllm.connecting import connect
from eagle_mllm.loading import CHECKPOINTS, load_model
from eagle_mllm.scenes.language import CAPTION_PROMPT

PYTHON = os.environ.get("EAGLE_VLLM_PYTHON", "")
START_SECONDS = 1800

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON, reason="needs a vLLM: make engines, make test-engines"),
]

SETTINGS = {
    "--host": "127.0.0.1",
    "--dtype": "float32",
    "--max-model-len": "512",
    "--mm-processor-cache-gb": "0",
    "--limit-mm-per-prompt": '{"image":1}',
    "--max-num-batched-tokens": "2048",
    "--max-num-seqs": "8",
    "--gpu-memory-utilization": "0.1",  # of the CPU's memory here
}
SWITCHES = ("--enforce-eager", "--no-enable-prefix-caching", "--enable-scale-out")
ENVIRONMENT = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
}


@pytest.fixture(scope="module", params=["llava", "qwen2_5_vl", "internvl"])
def family(request):
    return request.param


@pytest.fixture(scope="module")
def checkpoint(family, tmp_path_factory):
    """The checkpoint with the names of tensors that the hub and vLLM have."""
    folder = tmp_path_factory.mktemp("checkpoint") / family
    shutil.copytree(CHECKPOINTS / family, folder)
    if family == "llava":
        _rename(folder / "model.safetensors")
    return folder


def _rename(path):
    from safetensors.numpy import load_file, save_file

    tensors = {
        name.replace("vision_tower.", "vision_tower.vision_model.", 1): values
        for name, values in load_file(path).items()
    }
    save_file(tensors, path, metadata={"format": "pt"})


@pytest.fixture(scope="module")
def url(checkpoint, tmp_path_factory):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {**SETTINGS, "--model": str(checkpoint), "--served-model-name": "m"}
    command = [PYTHON, "-m", "vllm.entrypoints.openai.api_server", "--port", str(port)]
    command += [word for pair in settings.items() for word in pair]
    log = tmp_path_factory.mktemp("log") / "vllm.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [*command, *SWITCHES], env={**os.environ, **ENVIRONMENT}, stdout=file, stderr=file
        )
    try:
        _wait(f"http://127.0.0.1:{port}", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


def _wait(url, process, log):
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            urllib.request.urlopen(f"{url}/health", timeout=5).close()
        except (urllib.error.URLError, OSError):
            time.sleep(2)
        else:
            return
    pytest.fail(f"vLLM did not start within {START_SECONDS} s")


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
