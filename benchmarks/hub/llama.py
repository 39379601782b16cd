"""Llama 3.2 and 4, and Perception LM."""

import transformers as hf
from folders import configuration, family, hub_folder, of
from formats import LLAMA3, MLLAMA, turns
from vocabularies import bytelevel


def llama3_tokenizer(*specials, **extra):
    return bytelevel(
        "<|start_header_id|>",
        "<|end_header_id|>",
        "<|eot_id|>",
        *specials,
        bos="<|begin_of_text|>",
        eos="<|eot_id|>",
        pad="<|finetune_right_pad_id|>",
        add_bos=True,
        kind="PreTrainedTokenizerFast",
        **extra,
    )


@family
def mllama(folder):

    tokenizer = llama3_tokenizer("<|image|>")
    processor = hf.MllamaProcessor(
        hf.MllamaImageProcessorPil(size={"height": 16, "width": 16}, max_image_tiles=4),
        tokenizer,
        chat_template=MLLAMA,
    )
    config = configuration(
        "mllama",
        tokenizer,
        image_token_index=of(tokenizer, "<|image|>")[0],
        vision_config={
            "num_global_layers": 1,
            "attention_heads": 2,
            "image_size": 16,
            "patch_size": 8,
            "max_num_tiles": 4,
            "intermediate_layers_indices": [0, 1],
            "vision_output_dim": 96,
        },
        text_config={"num_hidden_layers": 3, "cross_attention_layers": [1]},
    )
    hub_folder(folder, config, tokenizer, processor, template="json")


@family
def llama4(folder):

    names = [
        "<|image|>",
        "<|image_start|>",
        "<|image_end|>",
        "<|patch|>",
        "<|tile_x_separator|>",
        "<|tile_y_separator|>",
        "<|header_start|>",
        "<|header_end|>",
        "<|eot|>",
    ]
    tokenizer = bytelevel(
        *names,
        bos="<|begin_of_text|>",
        eos="<|eot|>",
        pad="<|finetune_right_pad|>",
        add_bos=True,
        kind="PreTrainedTokenizerFast",
    )
    processor = hf.Llama4Processor(
        image_processor=hf.Llama4ImageProcessor(size={"height": 16, "width": 16}, max_patches=4),
        tokenizer=tokenizer,
        patch_size=4,
        pixel_shuffle_ratio=0.5,
        chat_template=turns(
            "<|header_start|>user<|header_end|>\n\n",
            "<|header_start|>assistant<|header_end|>\n\n",
            "<|image|>",
            "<|eot|>",
            bos="{{- bos_token }}",
            after="",
            trim=False,
        ),
    )
    start, end, image = of(tokenizer, "<|image_start|>", "<|image_end|>", "<|patch|>")
    config = configuration(
        "llama4",
        tokenizer,
        image_token_index=image,
        boi_token_index=start,
        eoi_token_index=end,
        vision_config={
            "image_size": 16,
            "patch_size": 4,
            "vision_output_dim": 32,
            "intermediate_size": 128,
            "projector_input_dim": 32,
            "projector_output_dim": 32,
        },
        text_config={
            "intermediate_size_mlp": 64,
            "num_experts_per_tok": 1,
            "attention_chunk_size": 8192,
        },
    )
    hub_folder(folder, config, tokenizer, processor)


@family
def perception_lm(folder):

    named = {"image_token": "<|image|>", "video_token": "<|video|>"}
    tokenizer = llama3_tokenizer(*named.values(), extra_special_tokens=named)
    processor = hf.PerceptionLMProcessor(
        video_processor=hf.PerceptionLMVideoProcessor(size={"height": 28, "width": 28}),
        image_processor=hf.PerceptionLMImageProcessorFast(tile_size=28, max_num_tiles=4)
        if hasattr(hf, "PerceptionLMImageProcessorFast")
        else hf.PerceptionLMImageProcessor(tile_size=28, max_num_tiles=4),
        tokenizer=tokenizer,
        patch_size=14,
        pooling_ratio=2,
        chat_template=turns(**LLAMA3, image="<|image|>", bos="{{- bos_token }}", trim=False),
    )
    config = configuration(
        "perception_lm",
        tokenizer,
        image_token_id=of(tokenizer, "<|image|>")[0],
        video_token_id=of(tokenizer, "<|video|>")[0],
        projector_pooling_ratio=2,
        vision_use_cls_token=True,
        vision_config={
            "architecture": "vit_pe_core_large_patch14_336",
            "model_args": {
                "embed_dim": 32,
                "img_size": [28, 28],
                "depth": 2,
                "num_heads": 2,
                "global_pool": "",
                "use_post_transformer_norm": False,
                "init_values": 0.1,
                "ref_feat_shape": [2, 2],
            },
        },
    )
    hub_folder(folder, config, tokenizer, processor)
