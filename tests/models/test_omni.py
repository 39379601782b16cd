"""Models that speak besides: the part of them that reads an image and writes text is explained."""

import json
import shutil

import numpy as np
import pytest
import torch
import transformers as hf
from safetensors.torch import load_file, save_file

import eagle_mllm as eagle
from eagle_mllm.errors import ModelError
from eagle_mllm.models import refusals
from eagle_mllm.models.kinds import MORE_KINDS, model_class

MEDIA = {
    "image_token": "<|image_pad|>",
    "video_token": "<|video_pad|>",
    "audio_token": "<|audio_pad|>",
    "vision_bos_token": "<|vision_start|>",
    "vision_eos_token": "<|vision_end|>",
    "audio_bos_token": "<|audio_start|>",
    "audio_eos_token": "<|audio_end|>",
}


@pytest.fixture(scope="module")
def omni(tmp_path_factory, tiny, checkpoint):
    """A folder like that of Qwen2.5-Omni on the hub: the thinker is one part beside a talker."""
    folder = tmp_path_factory.mktemp("omni")
    shutil.copytree(checkpoint("qwen2_5_vl"), folder, dirs_exist_ok=True)
    tokenizer = tiny.byte_level_tokenizer(*MEDIA.values(), extra_special_tokens=MEDIA)
    tokenizer.chat_template = hf.AutoTokenizer.from_pretrained(folder).chat_template
    tokenizer.save_pretrained(folder)
    hf.WhisperFeatureExtractor(feature_size=128).save_pretrained(folder / "audio")
    heard = json.loads((folder / "audio" / "preprocessor_config.json").read_text())
    path = folder / "preprocessor_config.json"
    seen = json.loads(path.read_text())
    path.write_text(json.dumps({**heard, **seen, "processor_class": "Qwen2_5OmniProcessor"}))
    ids = {
        name.replace("_token", "_token_id"): tokenizer.convert_tokens_to_ids(token)
        for name, token in list(MEDIA.items())[:3]
    }
    ids["vision_start_token_id"] = tokenizer.convert_tokens_to_ids("<|vision_start|>")
    old = hf.AutoConfig.from_pretrained(folder)
    config = hf.Qwen2_5OmniThinkerConfig(
        vision_config={**old.vision_config.to_dict(), "model_type": "qwen2_5_omni_vision_encoder"},
        text_config={
            **old.text_config.to_dict(),
            "model_type": "qwen2_5_omni_text",
            "vocab_size": len(tokenizer),
        },
        audio_config={
            "encoder_layers": 1,
            "encoder_attention_heads": 2,
            "encoder_ffn_dim": 32,
            "d_model": 32,
            "output_dim": 32,
        },
        **ids,
    )
    tiny._save(hf.Qwen2_5OmniThinkerForConditionalGeneration, config, tokenizer, folder, spread=0.3)
    thinker = json.loads((folder / "config.json").read_text())
    whole = {"model_type": "qwen2_5_omni", "thinker_config": thinker}
    (folder / "config.json").write_text(json.dumps(whole))
    weights = {
        name if name.startswith("thinker.") else f"thinker.{name}": value
        for name, value in load_file(folder / "model.safetensors").items()
    }
    talker = {"talker.codec_head.weight": torch.zeros(2, 2)}
    save_file({**weights, **talker}, folder / "model.safetensors", {"format": "pt"})
    return folder


def test_an_omni_model_is_explained_by_its_thinker(omni, tiny):
    model = eagle.load_model(omni, device="cpu")
    assert type(model.module).__name__ == "Qwen2_5OmniThinkerForConditionalGeneration"
    kept = load_file(omni / "model.safetensors")["thinker.lm_head.weight"]
    assert torch.equal(model.module.lm_head.weight, kept)
    image = tiny.picture(0)
    generation = model.with_answer(image, tiny.PROMPT, tiny.ANSWERS[0])
    regions = eagle.segment(image, method="grid", n_regions=4)
    shown = np.array([[True] * 4, [True, False, True, False], [False] * 4])
    scores = model.scorer(generation, generation.all(), regions)(shown).probability
    assert scores.shape == (3, len(generation.all()))
    assert np.abs(np.log(scores[0] / scores[2])).max() > 0.01


@pytest.mark.parametrize("kind", ["qwen2_5_omni", "qwen3_omni_moe", "phi4_multimodal"])
def test_kinds_beyond_the_auto_class_are_loaded_where_transformers_has_them(kind, monkeypatch):
    assert kind in MORE_KINDS
    refusals.require_image_input({"model_type": kind, "vision_config": {}}, name="x")
    monkeypatch.setattr(refusals, "MORE_KINDS", ())
    with pytest.raises(ModelError, match="has no image-text-to-text class for it"):
        refusals.require_image_input({"model_type": kind, "vision_config": {}}, name="x")


def test_phi_4_is_loaded_by_its_class():
    loads = model_class(hf.Phi4MultimodalConfig())
    assert loads._model_mapping[hf.Phi4MultimodalConfig] is hf.Phi4MultimodalForCausalLM
