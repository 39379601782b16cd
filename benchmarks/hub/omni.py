"""Models that hear and speak besides: only their thinker, which reads and writes, is explained."""

import json
from pathlib import Path

import torch
import transformers as hf
from folders import MROPE, configuration, family, hub_folder, of
from formats import chatml, turns
from qwen import DEEPSTACK, QWEN_IMAGE, WINDOWS, qwen_tokenizer
from safetensors.torch import load_file, save_file
from vocabularies import bytelevel

MEDIA = {
    "image_token": "<|image_pad|>",
    "video_token": "<|video_pad|>",
    "audio_token": "<|audio_pad|>",
    "vision_bos_token": "<|vision_start|>",
    "vision_eos_token": "<|vision_end|>",
    "audio_bos_token": "<|audio_start|>",
    "audio_eos_token": "<|audio_end|>",
}
AUDIO = {
    "encoder_layers": 1,
    "encoder_attention_heads": 2,
    "encoder_ffn_dim": 32,
    "d_model": 32,
    "output_dim": 32,
    "max_source_positions": 50,
}


def omni(folder, kind, processor_kind, *, vision, text=None, audio=None):
    """A folder whose thinker is one of the parts of its configuration and weights."""
    tokenizer = qwen_tokenizer(*MEDIA.values(), extra_special_tokens=MEDIA)
    image, video, sound, start, end = of(tokenizer, *list(MEDIA.values())[:5])
    config = configuration(
        f"{kind}_thinker",
        tokenizer,
        image_token_id=image,
        video_token_id=video,
        audio_token_id=sound,
        vision_start_token_id=start,
        vision_end_token_id=end,
        vision_config={"patch_size": 4, **vision},
        text_config={**MROPE, **(text or {})},
        audio_config={**AUDIO, **(audio or {})},
    )
    options = {"patch_size": 4, "merge_size": 2, "temporal_patch_size": 2}
    images = hf.Qwen2VLImageProcessorPil(
        size={"shortest_edge": 256, "longest_edge": 3200}, **options
    )
    processor = getattr(hf, processor_kind)(
        image_processor=images,
        video_processor=hf.Qwen2VLVideoProcessor(**options),
        feature_extractor=hf.WhisperFeatureExtractor(feature_size=128),
        tokenizer=tokenizer,
        chat_template=chatml(QWEN_IMAGE),
    )
    hub_folder(folder, config, tokenizer, processor)
    _as_a_part(Path(folder), kind)


def _as_a_part(folder, kind):
    """The hub's folder: the thinker beside a talker, in one configuration and one file."""
    thinker = json.loads((folder / "config.json").read_text())
    whole = {
        "model_type": kind,
        "architectures": ["".join(part.title() for part in kind.split("_")) + "Model"],
        "enable_audio_output": True,
        "thinker_config": thinker,
    }
    (folder / "config.json").write_text(json.dumps(whole, indent=1))
    path = folder / "model.safetensors"
    weights = {_prefixed(name): value for name, value in load_file(path).items()}
    save_file({**weights, "talker.codec_head.weight": torch.zeros(2, 2)}, path, {"format": "pt"})


def _prefixed(name):
    return name if name.startswith("thinker.") else f"thinker.{name}"


@family
def qwen2_5_omni(folder):
    omni(folder, "qwen2_5_omni", "Qwen2_5OmniProcessor", vision=WINDOWS)


@family
def qwen3_omni_moe(folder):
    omni(folder, "qwen3_omni_moe", "Qwen3OmniMoeProcessor", vision=DEEPSTACK)


@family
def phi4_multimodal(folder):

    named = {"image_token": "<|image|>", "audio_token": "<|audio|>"}
    tokenizer = bytelevel(
        *("<|system|>", "<|user|>", "<|assistant|>", "<|end|>", *named.values()),
        bos="<|endoftext|>",
        eos="<|end|>",
        pad="<|endoftext|>",
        kind="GPT2TokenizerFast",
        extra_special_tokens=named,
    )
    image, sound = of(tokenizer, *named.values())
    processor = hf.Phi4MultimodalProcessor(
        image_processor=hf.Phi4MultimodalImageProcessor(),
        audio_processor=hf.Phi4MultimodalFeatureExtractor(),
        tokenizer=tokenizer,
        chat_template=turns("<|user|>", "<|assistant|>", "<|image|>", "<|end|>", after=""),
    )
    sizes = {"num_blocks": 1, "ext_pw_out_channel": 32, "depthwise_separable_out_channel": 32}
    config = configuration(
        "phi4_multimodal",
        tokenizer,
        text=None,
        vision_config={"image_token_id": image},
        audio_config={**sizes, "nemo_conv_channels": 32, "audio_token_id": sound},
    )
    hub_folder(folder, config, tokenizer, processor, architecture="Phi4MultimodalForCausalLM")
    # With random weights it would write placeholders, and look for more images then.
    path = Path(folder, "model.safetensors")
    weights = load_file(path)
    weights["lm_head.weight"][[image, sound]] = 0
    save_file(weights, path, {"format": "pt"})
