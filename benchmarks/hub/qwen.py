"""Qwen-VL and the models that read images as it does."""

import json
from pathlib import Path

import transformers as hf
from folders import MROPE, configuration, family, hub_folder, of
from formats import chatml
from vocabularies import bytelevel

QWEN = (
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
    "<|vision_pad|>",
)
QWEN_IMAGE = "<|vision_start|><|image_pad|><|vision_end|>"


def qwen_tokenizer(*more, **extra):
    return bytelevel(*QWEN, *more, eos="<|im_end|>", pad="<|endoftext|>", **extra)


def qwen(
    folder,
    kind,
    processor_kind,
    *,
    patch=4,
    vision=None,
    text=None,
    template=None,
    layout=None,
    video="Qwen2VLVideoProcessor",
    more=(),
    legacy=True,
    **top,
):

    tokenizer = qwen_tokenizer(*more)
    image, movie, start, end = of(
        tokenizer, "<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>"
    )
    known = hf.AutoConfig.for_model(kind).to_dict()
    ids = {
        "image_token_id": image,
        "video_token_id": movie,
        "vision_start_token_id": start,
        "vision_end_token_id": end,
    }
    config = configuration(
        kind,
        tokenizer,
        vision_config={"patch_size": patch, **(vision or {})},
        text_config={**MROPE, **(text or {})},
        **{k: v for k, v in ids.items() if k in known},
        **top,
    )
    size = {"shortest_edge": 16 * patch**2, "longest_edge": 200 * patch**2}
    options = {"patch_size": patch, "merge_size": 2, "temporal_patch_size": 2}
    images = hf.Qwen2VLImageProcessorPil(size=size, **options)
    processor = getattr(hf, processor_kind)(
        image_processor=images,
        tokenizer=tokenizer,
        video_processor=getattr(hf, video)(**options),
        chat_template=template or chatml(QWEN_IMAGE),
    )
    hub_folder(folder, config, tokenizer, processor, **(layout or {}))
    if legacy:  # what the hub's files say, in the words of transformers 4
        path = Path(folder, "preprocessor_config.json")
        settings = json.loads(path.read_text())
        settings.pop("size")
        settings |= {"min_pixels": size["shortest_edge"], "max_pixels": size["longest_edge"]}
        path.write_text(json.dumps(settings))


QWEN2_VISION = {"embed_dim": 32, "hidden_size": 32, "mlp_ratio": 2}
WINDOWS = {"window_size": 16, "fullatt_block_indexes": [1]}


@family
def qwen2_vl(folder):
    qwen(folder, "qwen2_vl", "Qwen2VLProcessor", vision=QWEN2_VISION, layout={"template": "json"})


@family
def qwen2_vl_base(folder):
    """The pretrained Qwen2-VL: no chat template."""
    qwen(folder, "qwen2_vl", "Qwen2VLProcessor", vision=QWEN2_VISION, layout={"template": "none"})


@family
def qwen2_5_vl(folder):
    qwen(folder, "qwen2_5_vl", "Qwen2_5_VLProcessor", vision=WINDOWS, layout={"template": "json"})


DEEPSTACK = {"num_position_embeddings": 64, "deepstack_visual_indexes": [0]}
QWEN3 = {
    "template": chatml(QWEN_IMAGE, system=""),
    "video": "Qwen3VLVideoProcessor",
    "legacy": False,
}


@family
def qwen3_vl(folder):
    qwen(
        folder,
        "qwen3_vl",
        "Qwen3VLProcessor",
        vision=DEEPSTACK,
        layout={"template": "json", "video_file": True},
        **QWEN3,
    )


@family
def qwen3_vl_moe(folder):
    qwen(
        folder,
        "qwen3_vl_moe",
        "Qwen3VLProcessor",
        vision=DEEPSTACK,
        layout={"template": "json", "video_file": True},
        **QWEN3,
    )


QWEN35_TEXT = {
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 2,
    "num_hidden_layers": 4,
    "head_dim": 32,
    "rope_parameters": {
        "rope_type": "default",
        "rope_theta": 10000.0,
        "mrope_section": [2, 1, 1],
        "partial_rotary_factor": 0.25,
        "mrope_interleaved": True,
    },
    "full_attention_interval": 4,
}
QWEN35 = {
    **QWEN3,
    "more": ("<think>", "</think>"),
    "template": chatml(
        QWEN_IMAGE, system="", opening="<think>\n", thought="<think>\n\n</think>\n\n"
    ),
}


@family
def qwen3_5(folder):
    qwen(
        folder,
        "qwen3_5",
        "Qwen3VLProcessor",
        vision={"num_position_embeddings": 64},
        text=QWEN35_TEXT,
        layout={"video_file": True},
        **QWEN35,
    )


@family
def qwen3_5_moe(folder):
    qwen(
        folder,
        "qwen3_5_moe",
        "Qwen3VLProcessor",
        vision={"num_position_embeddings": 64},
        text=QWEN35_TEXT,
        layout={"video_file": True},
        **QWEN35,
    )


@family
def qwen4_exp(folder):
    qwen(
        folder,
        "qwen4_exp",
        "Qwen3VLProcessor",
        vision={"num_position_embeddings": 64},
        text={
            **QWEN35_TEXT,
            "indexer_n_heads": 2,
            "indexer_kv_heads": 1,
            "indexer_head_dim": 16,
            "indexer_budget": 64,
            "indexer_compress_ratio": 4,
            "hc_lowrank": 8,
            "ple_embed_dim": 16,
            "ngram_vocab_size_base": 50,
            "heads_per_ngram": 2,
            "split_ngram_parts": 1,
        },
        layout={"video_file": True},
        **QWEN35,
    )


@family
def cosmos3_omni(folder):
    qwen(
        folder,
        "cosmos3_omni",
        "Qwen3VLProcessor",
        vision=DEEPSTACK,
        layout={"template": "json", "video_file": True},
        **QWEN3,
    )


@family
def video_llama_3(folder):

    named = {"image_token": "<image>", "video_token": "<video>"}
    tokenizer = qwen_tokenizer(*named.values(), extra_special_tokens=named)
    options = {"patch_size": 4, "merge_size": 1}
    processor = hf.VideoLlama3Processor(
        image_processor=hf.VideoLlama3ImageProcessorPil(
            size={"shortest_edge": 256, "longest_edge": 3200}, **options
        ),
        tokenizer=tokenizer,
        video_processor=hf.VideoLlama3VideoProcessor(patch_size=4, merge_size=2),
        chat_template=chatml("<image>\n"),
    )
    image, video = of(tokenizer, *named.values())
    config = configuration(
        "video_llama_3",
        tokenizer,
        image_token_id=image,
        video_token_id=video,
        vision_config={"patch_size": 4},
    )
    hub_folder(folder, config, tokenizer, processor, video_file=True)


@family
def exaone4_5(folder):

    named = {"image_token": "<|image_pad|>", "video_token": "<|video_pad|>"}
    tokenizer = qwen_tokenizer(extra_special_tokens=named)
    options = {"patch_size": 4, "merge_size": 2, "temporal_patch_size": 2}
    processor = hf.Exaone4_5_Processor(
        image_processor=hf.Qwen2VLImageProcessorPil(
            size={"shortest_edge": 256, "longest_edge": 3200}, **options
        ),
        tokenizer=tokenizer,
        video_processor=hf.Qwen2VLVideoProcessor(**options),
        chat_template=chatml(QWEN_IMAGE, system=""),
    )
    image, video = of(tokenizer, *named.values())
    config = configuration(
        "exaone4_5",
        tokenizer,
        image_token_id=image,
        video_token_id=video,
        vision_config={"patch_size": 4, **WINDOWS},
        text_config={"sliding_window": 64},
    )
    hub_folder(folder, config, tokenizer, processor, video_file=True)
