"""DeepSeek-VL, Janus, Ovis, LFM 2 and Aria."""

import transformers as hf
from folders import configuration, family, hub_folder, of
from formats import chatml, turns
from llava import SIGLIP
from qwen import qwen_tokenizer
from vocabularies import bytelevel, spm


@family
def ovis2(folder):

    named = {"image_token": "<IMG_ATOM>"}
    marks = ["<IMG_START>", "<IMG_GRID>", "<IMG_COL>", "<IMG_ROW>", "<IMG_END>"]
    tokenizer = qwen_tokenizer("<IMG_ATOM>", "<image>", *marks, extra_special_tokens=named)
    processor = hf.Ovis2Processor(
        image_processor=hf.Ovis2ImageProcessorPil(
            size={"height": 16, "width": 16}, max_patches=6, crop_to_patches=True
        ),
        tokenizer=tokenizer,
        image_seq_length=4,
        chat_template=chatml("<image>\n"),
    )
    config = configuration(
        "ovis2",
        tokenizer,
        vocab_size=len(tokenizer),
        image_token_id=of(tokenizer, "<IMG_ATOM>")[0],
        visual_indicator_token_ids=of(tokenizer, *marks),
        vision_config={"image_size": 16, "patch_size": 8, "vocab_size": 40, "hidden_stride": 1},
    )
    hub_folder(folder, config, tokenizer, processor)


TURNS = turns(
    "User: ", "Assistant: ", "<image_placeholder>", "\n\n", after="", opening="Assistant:"
)


def deepseek_tokenizer():
    return bytelevel(
        "<image_placeholder>",
        bos="<|begin▁of▁sentence|>",
        eos="<|end▁of▁sentence|>",
        pad="<|pad|>",
        add_bos=True,
        kind="LlamaTokenizerFast",
        extra_special_tokens={"image_token": "<image_placeholder>"},
    )


@family
def deepseek_vl(folder):
    tokenizer = deepseek_tokenizer()
    processor = hf.DeepseekVLProcessor(
        hf.DeepseekVLImageProcessorPil(size={"height": 16, "width": 16}, min_size=4),
        tokenizer,
        num_image_tokens=16,
        chat_template=TURNS,
    )
    config = configuration(
        "deepseek_vl",
        tokenizer,
        image_token_id=of(tokenizer, "<image_placeholder>")[0],
        vision_config={**SIGLIP, "image_size": 16, "patch_size": 4, "vision_use_head": False},
    )
    hub_folder(folder, config, tokenizer, processor)


@family
def deepseek_vl_hybrid(folder):
    tokenizer = deepseek_tokenizer()
    processor = hf.DeepseekVLHybridProcessor(
        hf.DeepseekVLHybridImageProcessorPil(
            size={"height": 16, "width": 16}, high_res_size={"height": 64, "width": 64}, min_size=4
        ),
        tokenizer,
        num_image_tokens=16,
        chat_template=TURNS,
    )
    config = configuration(
        "deepseek_vl_hybrid",
        tokenizer,
        image_token_id=of(tokenizer, "<image_placeholder>")[0],
        vision_config={**SIGLIP, "image_size": 16, "patch_size": 4, "vision_use_head": False},
        high_res_vision_config={
            "image_size": 64,
            "patch_size": 4,
            "window_size": 2,
            "global_attn_indexes": [1],
            "output_channels": 16,
        },
    )
    hub_folder(folder, config, tokenizer, processor)


@family
def janus(folder):

    named = {
        "image_token": "<image_placeholder>",
        "boi_token": "<begin_of_image>",
        "eoi_token": "<end_of_image>",
    }
    tokenizer = bytelevel(
        *named.values(),
        "<|User|>",
        "<|Assistant|>",
        bos="<|begin▁of▁sentence|>",
        eos="<|end▁of▁sentence|>",
        pad="<|▁pad▁|>",
        add_bos=True,
        kind="LlamaTokenizerFast",
        extra_special_tokens=named,
    )
    processor = hf.JanusProcessor(
        hf.JanusImageProcessorPil(size={"height": 16, "width": 16}, min_size=4, image_size=16),
        tokenizer,
        num_image_tokens=16,
        chat_template=turns(
            "<|User|>: ",
            "<|Assistant|>: ",
            "<image_placeholder>\n",
            "{% if message['role'] == 'user' %}\n\n{% else %}{{ eos_token }}{% endif %}",
            after="",
            opening="<|Assistant|>:",
        ),
    )
    config = configuration(
        "janus",
        tokenizer,
        image_token_id=of(tokenizer, "<image_placeholder>")[0],
        vision_config={
            "image_size": 16,
            "patch_size": 4,
            "projection_dim": 32,
            "num_image_tokens": 16,
        },
        vq_config={
            "embed_dim": 8,
            "num_embeddings": 32,
            "latent_channels": 8,
            "base_channels": 32,
            "channel_multiplier": [1, 1],
            "num_patches": 4,
            "num_res_blocks": 1,
            "image_token_embed_dim": 32,
        },
    )
    hub_folder(folder, config, tokenizer, processor)


@family
def lfm2_vl(folder):

    named = {
        "image_token": "<image>",
        "image_start_token": "<|image_start|>",
        "image_end_token": "<|image_end|>",
        "image_thumbnail": "<|img_thumbnail|>",
    }
    cells = [f"<|img_row_{row}_col_{column}|>" for row in range(1, 11) for column in range(1, 11)]
    tokenizer = bytelevel(
        "<|im_start|>",
        *named.values(),
        *cells,
        bos="<|startoftext|>",
        eos="<|im_end|>",
        pad="<|pad|>",
        add_bos=True,
        kind="PreTrainedTokenizerFast",
        extra_special_tokens=named,
    )
    processor = hf.Lfm2VlProcessor(
        (getattr(hf, "Lfm2VlImageProcessor", None) or hf.Lfm2VlImageProcessorFast)(
            tile_size=32,
            encoder_patch_size=8,
            downsample_factor=2,
            min_tiles=2,
            max_tiles=4,
            min_image_tokens=1,
            max_image_tokens=4,
            max_num_patches=64,
        ),
        tokenizer,
        chat_template=chatml("<image>", system="", bos="{{- bos_token -}}"),
    )
    config = configuration(
        "lfm2_vl",
        tokenizer,
        image_token_id=of(tokenizer, "<image>")[0],
        downsample_factor=2,
        vision_config={"patch_size": 8, "num_patches": 16, "vision_use_head": False},
        text_config={"layer_types": ["conv", "full_attention"], "block_auto_adjust_ff_dim": False},
    )
    hub_folder(folder, config, tokenizer, processor)


@family
def aria(folder):

    named = {"image_token": "<|img|>"}
    tokenizer = spm(
        "<|im_start|>",
        "<|im_end|>",
        "<fim_prefix>",
        "<fim_suffix>",
        "<|img|>",
        extra_special_tokens=named,
    )
    processor = hf.AriaProcessor(
        hf.AriaImageProcessorPil(max_image_size=490, min_image_size=336),
        tokenizer,
        chat_template=chatml("<fim_prefix><|img|><fim_suffix>", system=""),
        size_conversion={490: 4, 980: 8},
    )
    config = configuration(
        "aria",
        tokenizer,
        image_token_index=of(tokenizer, "<|img|>")[0],
        projector_patch_to_query_dict={1225: 4, 4900: 8},
        vision_feature_layer=-1,
        vision_config={"image_size": 980, "patch_size": 14, "model_type": "idefics3_vision"},
        text_config={"moe_num_shared_experts": 1},
    )
    hub_folder(folder, config, tokenizer, processor)
