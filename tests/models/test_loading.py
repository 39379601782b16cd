"""Names of models: what is found, and what a user reads when it is not."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
import transformers

from eagle_mllm import load_model, loading
from eagle_mllm.errors import MissingDependency, ModelError, SettingError


def folder_with(tmp_path, **config):
    (tmp_path / "config.json").write_text(json.dumps(config))
    return tmp_path


def test_importing_the_door_to_models_does_not_import_torch():
    code = "import sys, eagle_mllm.loading; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_demo_suggests_the_nearest():
    with pytest.raises(ModelError, match="no demo model 'demo/lava'; did you mean 'demo/llava'"):
        load_model("demo/lava")
    with pytest.raises(ModelError, match="choose one of demo, demo/llava"):
        load_model("demo/xxxxxxxxxxxxx")


def test_a_demo_that_was_not_installed_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(loading, "CHECKPOINTS", tmp_path)
    with pytest.raises(ModelError, match="'demo/llava' is not part of this installation"):
        load_model("demo/llava")


def test_a_demo_is_loaded_from_the_shipped_folder(monkeypatch, checkpoint):
    monkeypatch.setattr(loading, "CHECKPOINTS", checkpoint("llava").parent)
    monkeypatch.setitem(loading.DEMOS, "demo/llava", checkpoint("llava").name)
    model = load_model("demo/llava", device="cpu")
    assert (model.info.id, model.info.family) == ("demo/llava", "llava")


def test_a_folder_that_is_no_checkpoint_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"is not a checkpoint, it has no config.json"):
        load_model(tmp_path)
    file = tmp_path / "model.gguf"
    file.touch()
    with pytest.raises(ModelError, match="is a file; give the folder"):
        load_model(str(file))
    with pytest.raises(ModelError, match="there is no folder"):
        load_model(tmp_path / "missing" / "model")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model_type": "llama"}, "is a text model (llama) without image input"),
        ({"model_type": "vit"}, "has no image-text-to-text class for it"),
        ({"model_type": "internvl_chat"}, "whose name ends in '-HF'"),
        ({"model_type": "new", "auto_map": {}}, "(new) needs code of its own, which is never run"),
        ({"layers": 3}, "has a config.json without model_type"),
        ({"model_type": "florence2"}, "is an encoder-decoder (florence2)"),
    ],
)
def test_a_model_that_cannot_be_explained_says_why(tmp_path, config, message):
    with pytest.raises(ModelError) as error:
        load_model(folder_with(tmp_path, **config))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("config", "checkpoint"),
    [
        ({"model_type": "llava_llama"}, "llava-hf/llava-1.5-7b-hf"),
        ({"model_type": "llava_mistral"}, "llava-hf/llava-v1.6-mistral-7b-hf"),
        ({"model_type": "llava_qwen"}, "llava-hf/llava-onevision-qwen2-7b-ov-hf"),
        ({"model_type": "llava", "mm_vision_tower": "clip"}, "llava-hf/llava-1.5-7b-hf"),
        ({"model_type": "llama", "mm_vision_tower": "clip"}, "llava-hf/llava-1.5-7b-hf"),
        ({"model_type": "multi_modality"}, "deepseek-community/Janus-Pro-1B"),
        ({"model_type": "qwen", "visual": {}, "auto_map": {}}, "Qwen/Qwen2.5-VL-3B-Instruct"),
    ],
)
def test_an_original_checkpoint_is_told_which_to_take_instead(tmp_path, config, checkpoint):
    with pytest.raises(ModelError) as error:
        load_model(folder_with(tmp_path, **config))
    assert "is in the format of its authors' own code" in str(error.value)
    assert checkpoint in str(error.value)


@pytest.mark.parametrize(
    "name", ["a\0b", "x" * 300, "x" * 5000, "~nobody-of-that-name/x", "a\x1b[31m"]
)
def test_an_impossible_name_is_one_printable_line(name):
    with pytest.raises(ModelError) as error:
        load_model(name)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 400


def test_missing_torch_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(loading, "find_spec", lambda _: None)
    with pytest.raises(MissingDependency, match="pip install torch"):
        load_model(folder_with(tmp_path, model_type="llava"))


def test_a_checkpoint_without_its_weights_is_refused(checkpoint, tmp_path):
    for file in checkpoint("llava").iterdir():
        if file.suffix != ".safetensors":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(ModelError, match=r"cannot be loaded: .*model.safetensors"):
        load_model(tmp_path, device="cpu")


def test_a_checkpoint_that_lacks_some_weights_is_refused(checkpoint, tmp_path):
    from safetensors.torch import load_file, save_file

    for file in checkpoint("llava").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = load_file(tmp_path / "model.safetensors")
    del weights[min(weights)]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="1 weights are missing from"):
        load_model(tmp_path, device="cpu")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        *[
            ({"device": device}, f"unknown device {device!r}; choose one of auto, cpu, cuda")
            for device in (
                "toaster",
                "xla",
                "mkldnn",
                "meta",
                "xpu",
                "cuda:-1",
                "cpu:x",
                "",
                "cuda:",
            )
        ],
        *[
            ({"device": device}, f"device {device!r} is not available to torch here")
            for device in ("cuda:97", "mps:1", "cpu:1")
        ],
        ({"device": "cpu", "dtype": "int8"}, "unknown dtype 'int8'; choose one of auto, float32"),
        ({"device": "cpu", "batch_size": 0}, "batch_size must be 'auto' or a positive integer"),
    ],
)
@pytest.mark.usefixtures("as_users_run_it")
def test_impossible_settings_are_refused_before_loading(tmp_path, arguments, message):
    with pytest.raises(SettingError, match=message):
        load_model(folder_with(tmp_path, model_type="llava"), **arguments)


@pytest.mark.usefixtures("as_users_run_it")
def test_an_unknown_way_of_making_pixels_is_refused_before_loading(tmp_path):
    with pytest.raises(SettingError, match="unknown pixels 'fast'; choose one of auto, component"):
        load_model(folder_with(tmp_path, model_type="llava"), device="cpu", pixels="fast")


def test_information_names_what_changes_the_numbers(checkpoint):
    model = load_model(checkpoint("qwen2_5_vl"), device=torch.device("cpu"), dtype=torch.float32)
    info = model.info
    assert (info.family, info.dtype, info.device) == ("qwen_vl", "float32", "cpu")
    assert info.id == str(checkpoint("qwen2_5_vl"))
    assert info.revision is None
    assert info.details["image_processor"] == "Qwen2VLImageProcessorPil"
    assert info.details["pixels"] == "component"
    assert info.details["attention"] == "sdpa"
    assert info.details["transformers"] == transformers.__version__
    assert repr(model) == f"HuggingFaceModel({info.id!r}, qwen_vl, float32, cpu)"


def test_auto_precision_is_float32_on_the_cpu_and_the_checkpoints_elsewhere():
    from eagle_mllm.models.loading import choose_dtype

    assert choose_dtype("auto", torch.device("cpu")) is torch.float32
    assert choose_dtype("auto", torch.device("cuda")) == "auto"
    assert choose_dtype("float16", torch.device("cpu")) is torch.float16


def test_a_whole_processor_is_read_without_its_video_processor(checkpoint, load, tiny, monkeypatch):
    from eagle_mllm.models import families

    ours = load("qwen2_5_vl").family.encode(tiny.picture(0), tiny.PROMPT)
    # Qwen's own processor holds a video processor, which cannot be built here.
    monkeypatch.setattr(families, "FAMILIES", {})
    model = load("qwen2_5_vl")
    assert model.info.family == "generic"
    assert model.info.details["image_processor"] == "Qwen2VLImageProcessorPil"
    whole = model.family.encode(tiny.picture(0), tiny.PROMPT)
    assert whole.ids == ours.ids
    assert torch.equal(whole.pixels["pixel_values"], ours.pixels["pixel_values"])


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("X requires the Torchvision library", "torchvision, .*'eagle-mllm\\[models\\]'$"),
        (
            "You need `num2words`: `pip install num2words`.",
            "num2words, .*'eagle-mllm\\[models\\]'$",
        ),
        ("GPTQ requires optimum (`pip install optimum`)", "optimum, .*; pip install optimum$"),
        ("Using 4-bit requires accelerate: `pip install 'accelerate>=1'`", "needs accelerate, "),
        ("use `pip install -U bitsandbytes>=0.46`", "needs bitsandbytes, "),
    ],
)
def test_a_missing_package_is_named_with_the_way_to_get_it(checkpoint, monkeypatch, said, answer):
    from eagle_mllm.models import processors

    def needs(*_, **__):
        raise ImportError(f"{said}\nand an advertisement")

    monkeypatch.setattr(processors.AutoImageProcessor, "from_pretrained", needs)
    with pytest.raises(MissingDependency, match=answer):
        load_model(checkpoint("llava"), device="cpu")


def test_a_broken_configuration_is_not_taken_for_a_missing_model(tmp_path):
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"cannot be loaded: .* is not a valid JSON file"):
        load_model(tmp_path)


def test_a_loaded_model_can_be_wrapped_and_is_not_altered(checkpoint, load, tiny):
    from eagle_mllm.models.huggingface import HuggingFaceModel

    path = checkpoint("llava")
    module = transformers.LlavaForConditionalGeneration.from_pretrained(path)
    processor = transformers.AutoProcessor.from_pretrained(path)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    ours = load("llava").generate(tiny.picture(0), tiny.PROMPT)
    for given in (
        {"processor": processor},
        {"tokenizer": processor.tokenizer, "image_processor": processor.image_processor},
    ):
        model = HuggingFaceModel.from_model(module, **given)
        assert model.generate(tiny.picture(0), tiny.PROMPT).ids == ours.ids
    after = module.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    with pytest.raises(ModelError, match="needs `processor=`, or both"):
        HuggingFaceModel.from_model(module, tokenizer=processor.tokenizer)
    next_model = load("llava_next")
    with pytest.raises(ModelError, match="through its whole processor"):
        HuggingFaceModel.from_model(
            next_model.module,
            tokenizer=processor.tokenizer,
            image_processor=processor.image_processor,
        )


def test_pixtral_is_not_taken_for_llava():
    from eagle_mllm.models.families import family_class

    config = transformers.LlavaConfig(vision_config={"model_type": "pixtral"})
    assert family_class(config).name == "pixtral"
    config = transformers.LlavaConfig(vision_config={"model_type": "hiera"})
    assert family_class(config).name == "generic"
    assert family_class(transformers.LlavaConfig()).name == "llava"


def test_an_answer_and_its_scorer_share_one_run_of_the_image_processor(checkpoint, rng):
    import eagle_mllm as eagle

    model = load_model(checkpoint("llava"), device="cpu", batch_size=2)
    dark = model.with_answer(np.zeros((40, 60, 3), np.uint8), "What is it?", "A red")
    model.scorer(dark, dark.all(), eagle.segment(dark.image, method="grid", n_regions=4))  # checked
    runs = []
    process = model.family.process
    model.family.process = lambda images: runs.append(len(images)) or process(images)
    image = rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)
    generation = model.with_answer(image, "What is it?", "A red")
    regions = eagle.segment(generation.image, method="grid", n_regions=4)
    model.scorer(generation, generation.all(), regions)
    assert runs == [1, 1, 1]  # and two of the subsets on which the fast pixels are verified
    image[:] = 0  # the caller's own array, which the model must not trust to stay
    model.with_answer(image, "What is it?", "A red")
    model.with_answer(image, "Who is it?", "A red")
    assert runs == [1] * 5
