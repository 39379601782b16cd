"""Models without a chat template, and the odd ones."""

from pathlib import Path

import transformers as hf
from folders import configuration, family, hub_folder, of
from formats import chatml
from qwen import qwen_tokenizer
from vocabularies import bytelevel, spm, wordpiece


@family
def molmo2(folder):

    marks = [
        "<im_start>",
        "<im_end>",
        "<im_patch>",
        "<im_col>",
        "<low_res_im_start>",
        "<|image|>",
        "<|video|>",
        "<frame_start>",
        "<frame_end>",
        "<im_low>",
    ]
    tokenizer = qwen_tokenizer(*marks, bos="<|bos|>")
    size = {"height": 28, "width": 28}
    processor = hf.Molmo2Processor(
        image_processor=hf.Molmo2ImageProcessor(
            size=size, patch_size=14, max_crops=4, overlap_margins=[0, 0], pooling_size=[2, 2]
        ),
        video_processor=hf.Molmo2VideoProcessor(size=size, patch_size=14),
        tokenizer=tokenizer,
        chat_template=chatml("<|image|>", system=""),
    )
    start, end, patch, _, low, _, _, frame, frame_end, _ = of(tokenizer, *marks)
    config = configuration(
        "molmo2",
        tokenizer,
        image_start_token_id=start,
        low_res_image_start_token_id=low,
        image_end_token_id=end,
        image_patch_id=patch,
        frame_start_token_id=frame,
        frame_end_token_id=frame_end,
        vision_config={"image_size": [28, 28], "patch_size": 14, "num_position_embeddings": 4},
        adapter_config={"vision_feature_layer": [1, 0], "text_hidden_size": 32},
        text_config={"additional_vocab_size": 8},
    )
    hub_folder(folder, config, tokenizer, processor, video_file=True)


@family
def fast_vlm(folder):

    tokenizer = qwen_tokenizer("<image>")
    processor = hf.LlavaProcessor(
        image_processor=hf.CLIPImageProcessorPil(
            size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64}
        ),
        tokenizer=tokenizer,
        patch_size=32,
        vision_feature_select_strategy="full",
        num_additional_image_tokens=0,
        chat_template=chatml("<image>\n"),
    )
    config = configuration(
        "fast_vlm",
        tokenizer,
        image_token_index=of(tokenizer, "<image>")[0],
        image_seq_length=4,
        # Another tower of timm's than the hub's: that one is large, and blind without training.
        vision_config={"architecture": "convnext_atto", "hidden_size": 320, "model_args": {}},
    )
    hub_folder(folder, config, tokenizer, processor)


def opt_tokenizer(*specials):
    return bytelevel(
        *specials, bos="</s>", eos="</s>", pad="<pad>", add_bos=True, kind="GPT2Tokenizer"
    )


def blip2_like(folder, kind):

    tokenizer = opt_tokenizer("<image>")
    images = hf.BlipImageProcessorPil(size={"height": 16, "width": 16})
    vision = {"image_size": 16, "patch_size": 8}
    if kind == "blip-2":
        processor = hf.Blip2Processor(images, tokenizer, num_query_tokens=4)
    else:
        processor = hf.InstructBlipProcessor(images, tokenizer, wordpiece(), num_query_tokens=4)
    config = configuration(
        kind,
        tokenizer,
        num_query_tokens=4,
        image_token_index=of(tokenizer, "<image>")[0],
        vision_config=vision,
        qformer_config={"encoder_hidden_size": 32, "vocab_size": 200},
        text_config={"ffn_dim": 64},
    )
    hub_folder(folder, config, tokenizer, processor, template="none")
    if kind != "blip-2":
        processor.qformer_tokenizer.save_pretrained(Path(folder) / "qformer_tokenizer")


@family
def blip_2(folder):
    blip2_like(folder, "blip-2")


@family
def instructblip(folder):
    blip2_like(folder, "instructblip")


@family
def blip(folder):

    tokenizer = wordpiece("[DEC]", "[ENC]")
    processor = hf.BlipProcessor(
        hf.BlipImageProcessorPil(size={"height": 16, "width": 16}), tokenizer
    )
    dec = of(tokenizer, "[DEC]")[0]
    config = configuration(
        "blip",
        tokenizer,
        vision_config={"image_size": 16, "patch_size": 8},
        text_config={
            "encoder_hidden_size": 32,
            "bos_token_id": dec,
            "eos_token_id": of(tokenizer, "[SEP]")[0],
            "sep_token_id": of(tokenizer, "[SEP]")[0],
        },
        image_text_hidden_size=32,
    )
    hub_folder(
        folder, config, tokenizer, processor, template="none", generation=of(tokenizer, "[SEP]")[0]
    )


@family
def git(folder):

    tokenizer = wordpiece()
    processor = hf.GitProcessor(
        hf.CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}),
        tokenizer,
    )
    config = configuration(
        "git",
        tokenizer,
        text=None,
        vision_config={"image_size": 16, "patch_size": 8},
        bos_token_id=of(tokenizer, "[CLS]")[0],
        eos_token_id=of(tokenizer, "[SEP]")[0],
    )
    hub_folder(
        folder, config, tokenizer, processor, template="none", generation=of(tokenizer, "[SEP]")[0]
    )


@family
def kosmos_2(folder):

    tags = [
        "<grounding>",
        "<phrase>",
        "</phrase>",
        "<object>",
        "</object>",
        "</delimiter_of_multi_objects/>",
    ]
    tokenizer = spm(
        "<image>",
        "</image>",
        *tags,
        *[f"<patch_index_{i:04d}>" for i in range(16)],
        pad="<pad>",
        kind="XLMRobertaTokenizerFast",
    )
    processor = hf.Kosmos2Processor(
        hf.CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}),
        tokenizer,
        num_patch_index_tokens=16,
    )
    config = configuration(
        "kosmos-2",
        tokenizer,
        latent_query_num=64,
        vision_config={"image_size": 16, "patch_size": 8},
        text_config={"embed_dim": 32, "layers": 2, "ffn_dim": 64, "attention_heads": 2},
    )
    hub_folder(folder, config, tokenizer, processor, template="none")


@family
def fuyu(folder):

    tokenizer = spm(
        "<0x04>",
        pad="|ENDOFTEXT|",
        bos="<s>",
        eos="|ENDOFTEXT|",
        pieces=("|SPEAKER|", "|NEWLINE|"),
    )
    processor = hf.FuyuProcessor(
        hf.FuyuImageProcessorPil(
            size={"height": 60, "width": 60}, patch_size={"height": 30, "width": 30}
        ),
        tokenizer,
    )
    config = configuration(
        "fuyu",
        tokenizer,
        image_token_id=of(tokenizer, "|SPEAKER|")[0],
        patch_size=30,
        text_config={"num_key_value_heads": 2},
    )
    hub_folder(folder, config, tokenizer, processor, template="none")


@family
def florence2(folder):

    tokenizer = bytelevel(
        "<image>",
        "<loc_0>",
        bos="<s>",
        eos="</s>",
        pad="<pad>",
        kind="BartTokenizer",
        extra_special_tokens={"image_token": "<image>"},
    )
    processor = hf.Florence2Processor(
        image_processor=hf.CLIPImageProcessorPil(
            size={"height": 32, "width": 32},
            do_center_crop=False,
            crop_size={"height": 32, "width": 32},
        ),
        tokenizer=tokenizer,
    )
    processor.image_processor.image_seq_length = 4
    config = configuration(
        "florence2",
        tokenizer,
        image_token_id=of(tokenizer, "<image>")[0],
        vision_config={
            "depths": [1],
            "patch_size": [7],
            "patch_stride": [4],
            "patch_padding": [3],
            "patch_prenorm": [False],
            "embed_dim": [32],
            "num_heads": [2],
            "num_groups": [2],
            "projection_dim": 32,
        },
        text_config={
            "d_model": 32,
            "encoder_layers": 1,
            "decoder_layers": 1,
            "encoder_ffn_dim": 64,
            "decoder_ffn_dim": 64,
            "encoder_attention_heads": 2,
            "decoder_attention_heads": 2,
        },
    )
    hub_folder(folder, config, tokenizer, processor, template="none")
