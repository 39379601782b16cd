"""How models are let in: adapters, several devices, and code that somebody trusts."""

import json
import shutil
from dataclasses import replace

import pytest
import torch

from eagle_mllm import load_model
from eagle_mllm.errors import MissingDependency, ModelError, SettingError
from eagle_mllm.loading import CHECKPOINTS


@pytest.fixture
def adapter(tmp_path):
    """A folder as `PeftModel.save_pretrained` writes it, without the weights."""

    def written(**changes):
        settings = {"base_model_name_or_path": str(CHECKPOINTS / "llava"), "peft_type": "LORA"}
        (tmp_path / "adapter_config.json").write_text(json.dumps(settings | changes))
        return tmp_path

    return written


def test_the_folder_of_an_adapter_is_loaded_onto_its_base_model(adapter, monkeypatch):
    from eagle_mllm.models import loading

    added = []
    monkeypatch.setattr(loading, "add_adapter", lambda module, one: added.append((module, one)))
    folder = adapter()
    model = load_model(folder, device="cpu")
    ((module, one),) = added
    assert module is model.module
    assert one.place == str(folder)
    assert (model.info.id, model.info.family) == (str(folder), "llava")
    assert model.info.details["base"] == str(CHECKPOINTS / "llava")


def test_an_adapter_without_peft_names_the_package(adapter, monkeypatch):
    from transformers.integrations import peft

    def missing(*_, **__):
        raise ImportError("PEFT is required: `pip install peft`")

    monkeypatch.setattr(peft.PeftAdapterMixin, "load_adapter", missing)
    with pytest.raises(MissingDependency, match=r"needs peft, .*'eagle-mllm\[models\]'"):
        load_model(adapter(), device="cpu")


def test_an_adapter_of_nothing_is_refused(adapter):
    with pytest.raises(ModelError, match="an adapter that does not name its base model"):
        load_model(adapter(base_model_name_or_path=None), device="cpu")


def test_a_wrapped_model_is_taken_out_of_its_wrapper():
    from eagle_mllm.models.huggingface import HuggingFaceModel

    inner = load_model("demo/llava", device="cpu")

    class Wrapped:
        config = inner.module.config

        def get_base_model(self):
            return inner.module

    parts = inner.family.parts
    model = HuggingFaceModel.from_model(
        Wrapped(), tokenizer=parts.tokenizer, image_processor=parts.image_processor
    )
    assert model.module is inner.module


def test_inputs_go_where_an_offloaded_embedding_is_computed():
    from types import SimpleNamespace

    from eagle_mllm.models.placing import input_device

    embedding = SimpleNamespace(
        weight=torch.empty(1, device="meta"), _hf_hook=SimpleNamespace(execution_device="cpu")
    )
    assert input_device(SimpleNamespace(get_input_embeddings=lambda: embedding)).type == "cpu"


def test_one_device_and_a_map_of_devices_exclude_each_other():
    with pytest.raises(SettingError, match="device='cpu' and device_map='auto' exclude"):
        load_model("demo", device="cpu", device_map="auto")


def test_trusted_code_is_announced_with_its_place():
    with pytest.warns(UserWarning, match=rf"code of {CHECKPOINTS / 'llava'} may run"):
        load_model("demo/llava", device="cpu", trust_remote_code=True)


def test_a_classifier_is_not_said_to_lack_weights(tmp_path):
    config = {"model_type": "shieldgemma2", "architectures": ["Shield2ForImageClassification"]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"is a classifier \(Shield2ForImageClassification\)"):
        load_model(tmp_path, device="cpu")


@pytest.fixture
def quantized(tmp_path):
    """The demo model of LLaVA whose configuration says that its weights are quantized."""

    def written(**settings):
        folder = tmp_path / "quantized"
        shutil.copytree(CHECKPOINTS / "llava", folder)
        config = json.loads((folder / "config.json").read_text())
        config["quantization_config"] = settings
        (folder / "config.json").write_text(json.dumps(config))
        return folder

    return written


@pytest.mark.parametrize(
    ("method", "package"),
    [
        ("bitsandbytes", "accelerate|bitsandbytes"),
        ("awq", "gptqmodel"),
        ("gptq", "optimum|gptqmodel"),
        ("compressed-tensors", "compressed-tensors"),
        ("hqq", "hqq"),
    ],
)
def test_what_quantized_weights_need_is_named(quantized, method, package):
    settings = {
        "bitsandbytes": {"load_in_4bit": True},
        "awq": {"bits": 4, "version": "gemm"},
        "gptq": {"bits": 4},
        "compressed-tensors": {"format": "pack-quantized", "config_groups": {}},
    }
    folder = quantized(quant_method=method, **settings.get(method, {}))
    with pytest.raises(MissingDependency, match=rf"needs ({package}), which is not installed"):
        load_model(folder, device="cpu")


@pytest.mark.parametrize("settings", [{"quant_method": "magic"}, {"bits": 4}])
def test_weights_that_nobody_can_unpack_are_not_taken_for_plain_ones(quantized, settings):
    named = settings.get("quant_method")
    with pytest.raises(ModelError, match=f"is quantized by {named!r}, which transformers .* one"):
        load_model(quantized(**settings), device="cpu")


def test_the_commit_of_a_hub_checkpoint_is_recorded(monkeypatch):
    from eagle_mllm.attribution.provenance import made_with
    from eagle_mllm.models import loading
    from eagle_mllm.models.pretrained import Checkpoint

    commit = "0123456789abcdef0123456789abcdef01234567"
    known = loading.find_checkpoint

    def found(place, **options):
        del place
        checkpoint = known(str(CHECKPOINTS / "llava"), **options)
        monkeypatch.setattr(Checkpoint, "pinned", lambda one: replace(one, revision=commit))
        return checkpoint

    monkeypatch.setattr(loading, "find_checkpoint", found)
    model = load_model("some/model", device="cpu", revision="main")
    assert made_with(model.info)["model"]["revision"] == commit
