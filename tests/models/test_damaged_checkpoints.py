"""Checkpoint folders of others: whatever is wrong with them leaves as one line with their name."""

import json
import pickle
import resource
import warnings
from pathlib import Path

import numpy as np
import pytest
import transformers

from eagle_mllm.errors import EagleError, ModelError
from eagle_mllm.loading import load_model

FAMILIES = ["llava", "qwen2_5_vl", "internvl", "llava_next"]


@pytest.fixture(autouse=True)
def _quiet():
    """transformers reports and warns of much that is wrong with a folder before it fails."""
    verbosity = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity(transformers.logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    transformers.logging.set_verbosity(verbosity)


@pytest.fixture(scope="session")
def untrained(tiny, tmp_path_factory):
    """A checkpoint folder by architecture whose model has learnt nothing."""
    made = {}

    def folder(name):
        if name not in made:
            made[name] = tmp_path_factory.mktemp(f"untrained-{name}")
            tiny.BUILDERS[name](made[name])
        return made[name]

    return folder


@pytest.fixture
def damaged(untrained, tmp_path):
    """Copies a checkpoint, with a file replaced, removed (None), or values of its JSON changed."""

    def folder(name, file, content):
        for path in untrained(name).iterdir():
            (tmp_path / path.name).symlink_to(path)
        target = tmp_path / file
        old = target.read_bytes() if target.exists() else b"{}"
        target.unlink(missing_ok=True)
        if isinstance(content, dict):
            content = json.dumps(json.loads(old) | content).encode()
        elif callable(content):
            content = content(old)
        if content is not None:
            target.write_bytes(content)
        return tmp_path

    return folder


def refused(folder):
    """The message with which a folder is refused: one line, with its name."""
    with pytest.raises(ModelError) as error:
        load_model(folder, device="cpu")
    message = str(error.value)
    assert "\n" not in message
    assert str(folder) in message
    return message


DAMAGE = {
    "weights cut off": ("model.safetensors", lambda old: old[: len(old) // 2]),
    "weights empty": ("model.safetensors", b""),
    "weights with a header of 2 EB": ("model.safetensors", b"\xff" * 8 + b"{}"),
    "weights are a picture": ("model.safetensors", b"\x89PNG\r\n\x1a\n" * 100),
    "weights missing": ("model.safetensors", None),
    "tokenizer of nothing": ("tokenizer.json", b"{}"),
    "tokenizer cut off": ("tokenizer.json", lambda old: old[: len(old) // 2]),
    "tokenizer missing": ("tokenizer.json", None),
    "tokenizer settings in a list": ("tokenizer_config.json", b"[]"),
    "config cut off": ("config.json", lambda old: old[: len(old) // 2]),
    "config not text": ("config.json", b"\xff\xfe\x00"),
    "config in a list": ("config.json", b"[]"),
    "config nested too deeply": ("config.json", b'{"model_type": ' + b"[" * 100_000),
    "image token in words": ("config.json", {"image_token_id": "x", "image_token_index": "x"}),
    "image token unknown": ("config.json", {"image_token_id": 10**9, "image_token_index": 10**9}),
    "image token huge": ("config.json", {"image_token_id": 10**400, "image_token_index": 10**400}),
    "vision of nothing": ("config.json", {"vision_config": None}),
    "vision of another kind": ("config.json", {"vision_config": {"model_type": "llama"}}),
    "text in a list": ("config.json", {"text_config": []}),
    "text of another width": ("config.json", {"text_config": {"hidden_size": 33}}),
    "precision unknown": ("config.json", {"dtype": "float7"}),
    "end in words": ("generation_config.json", {"eos_token_id": "x"}),
    "end outside": ("generation_config.json", {"eos_token_id": [2, -7]}),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("family", ["llava", "internvl"])
def test_a_broken_folder_is_refused_in_one_line_with_its_name(damaged, family, damage):
    refused(damaged(family, *DAMAGE[damage]))


def test_a_pickle_in_place_of_weights_is_refused_and_does_not_run(damaged, tmp_path):
    class Payload:
        def __reduce__(self):
            return Path(tmp_path / "it_ran").touch, ()

    folder = damaged("llava", "model.safetensors", None)
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"weight": Payload()}))
    refused(folder)
    assert not (tmp_path / "it_ran").exists()


def test_weights_of_other_shapes_are_refused(damaged):
    def taller(old):
        length = int.from_bytes(old[:8], "little")
        header = json.loads(old[8 : 8 + length])
        name = next(name for name, weight in header.items() if len(weight.get("shape", ())) == 2)
        header[name]["shape"].reverse()
        text = json.dumps(header).encode()
        return len(text).to_bytes(8, "little") + text + old[8 + length :]

    refused(damaged("llava", "model.safetensors", taller))


@pytest.mark.parametrize(
    "file", ["../other/model.safetensors", "/other/model.safetensors", "..\\model.safetensors"]
)
@pytest.mark.parametrize("kind", ["model.safetensors", "pytorch_model.bin"])
def test_weights_outside_the_folder_are_refused(damaged, untrained, kind, file):
    content = {"metadata": {}, "weight_map": {"lm_head.weight": file}}
    folder = damaged("llava", f"{kind}.index.json", content)
    assert f"takes weights from outside its folder ({kind}.index.json names" in refused(folder)


def test_weights_in_a_folder_within_are_read(damaged, untrained):
    content = (untrained("llava") / "model.safetensors").read_bytes()
    length = int.from_bytes(content[:8], "little")
    names = [name for name in json.loads(content[8 : 8 + length]) if name != "__metadata__"]
    index = {"metadata": {}, "weight_map": dict.fromkeys(names, "parts/model.safetensors")}
    folder = damaged("llava", "model.safetensors.index.json", index)
    (folder / "parts").mkdir()
    (folder / "model.safetensors").rename(folder / "parts" / "model.safetensors")
    assert load_model(folder, device="cpu").info.family == "llava"


ABSURD = {
    "text layers": {"text_config": {"model_type": "llama", "num_hidden_layers": 10**9}},
    "vision layers": {"vision_config": {"model_type": "clip_vision_model", "depth": 10**9}},
    "layers as a float": {"text_config": {"model_type": "llama", "num_hidden_layers": 1e9}},
    "width": {"text_config": {"model_type": "llama", "hidden_size": 2**40}},
    "vocabulary": {"text_config": {"model_type": "llama", "vocab_size": 2**31}},
    "pixels": {"vision_config": {"model_type": "clip_vision_model", "image_size": [10**9] * 2}},
    "heads": {"text_config": {"model_type": "llama", "num_attention_heads": 10**12}},
}


@pytest.mark.parametrize("config", ABSURD.values(), ids=ABSURD)
def test_an_absurd_size_is_refused_before_anything_is_built(damaged, monkeypatch, config):
    from eagle_mllm.models import loading

    monkeypatch.setattr(loading, "AutoConfig", None)
    assert "is not plausible" in refused(damaged("llava", "config.json", config))


PIXELS = {
    "llava": {"image_processor": {"size": {"shortest_edge": 10**6}}},
    "qwen2_5_vl": {"patch_size": 10**6},
    "internvl": {"max_patches": 10**6},
    "llava_next": {"image_processor": {"image_grid_pinpoints": [[24, 48], [10**6, 10**6]]}},
}


@pytest.mark.parametrize("family", PIXELS)
def test_an_image_processor_that_would_take_all_memory_is_refused(damaged, untrained, family):
    file = "preprocessor_config.json"
    if not (untrained(family) / file).exists():
        file = "processor_config.json"
    assert "the image processor of" in refused(damaged(family, file, PIXELS[family]))


def test_pixels_may_be_many_where_an_edge_is_their_number(damaged):
    size = {"size": {"shortest_edge": 3136, "longest_edge": 16_777_216}}
    folder = damaged("qwen2_5_vl", "preprocessor_config.json", size)
    assert load_model(folder, device="cpu").info.family == "qwen_vl"


def test_more_parameters_than_the_weights_can_hold_are_refused(damaged, untrained):
    layers = {"model_type": "llama", "num_hidden_layers": 9_999, "hidden_size": 32}
    message = refused(damaged("llava", "config.json", {"text_config": layers}))
    size = (untrained("llava") / "model.safetensors").stat().st_size
    count = (9_999 + 2) * 32**2  # a square matrix per layer of the text and of the vision part
    assert f"describes {count:,} parameters or more, which do not fit" in message
    assert f"its {size:,} bytes of weights" in message


def test_a_part_without_sizes_is_not_built_in_the_usual_ones(damaged):
    folder = damaged("llava", "config.json", {"vision_config": {"model_type": "llama"}})
    assert "parameters or more, which do not fit" in refused(folder)


BOMBS = {
    "heads": {"text_config": {"num_key_value_heads": 10**7}},
    "mlp": {"text_config": {"intermediate_size": 10**8}},
    "patches": {"vision_config": {"patch_size": [10**4, 10**4]}},
    "channels": {"vision_config": {"num_channels": 10**7}},
}


@pytest.mark.parametrize("changes", BOMBS.values(), ids=BOMBS)
def test_a_width_that_does_not_fit_the_weights_takes_no_memory(damaged, untrained, changes):
    config = json.loads((untrained("internvl") / "config.json").read_text())
    merged = {part: config[part] | values for part, values in changes.items()}
    folder = damaged("internvl", "config.json", merged)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "parameters or more, which do not fit" in refused(folder)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 100_000  # kilobytes


@pytest.mark.parametrize("family", FAMILIES)
def test_sizes_of_real_checkpoints_are_plausible(untrained, family):
    load_model(untrained(family), device="cpu")


def complaint(folder):
    """The message with which a folder is refused, None if it is not."""
    try:
        load_model(folder, device="cpu")
    except EagleError as error:
        return str(error)
    return None


def mutate_and_load(mutations, source, folder, *, times, seed):
    """Loads a checkpoint damaged so many times, each in its own way; counts refusals."""
    generator, complaints = np.random.default_rng(seed), []
    for _ in range(times):
        done = mutations.mutated(source, folder, generator)
        try:
            message = complaint(folder)
        except Exception as error:
            raise AssertionError(f"{done} raised {type(error).__name__}: {error}") from error
        if message is not None:
            assert "\n" not in message, done
            assert str(folder) in message, done
            complaints.append(message)
    return len(complaints)


@pytest.mark.parametrize("family", FAMILIES)
def test_mutated_checkpoints_load_or_are_refused(mutations, untrained, tmp_path, family):
    folder = tmp_path / "model"
    n_refused = mutate_and_load(mutations, untrained(family), folder, times=125, seed=0)
    assert 40 < n_refused < 125


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("family", FAMILIES)
def test_many_mutated_checkpoints_load_or_are_refused(mutations, untrained, tmp_path, family):
    mutate_and_load(mutations, untrained(family), tmp_path / "model", times=5000, seed=1)
