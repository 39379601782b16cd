"""Families of the last year that read images as older ones do."""

import transformers as hf
from folders import MROPE, configuration, family, hub_folder, of
from formats import chatml
from glm import glm
from qwen import DEEPSTACK, QWEN35_TEXT, qwen_tokenizer
from vocabularies import bytelevel

PATCHES = {"patch_size": 4, "merge_size": 2, "temporal_patch_size": 2}
SIZE = {"shortest_edge": 256, "longest_edge": 3200}


def patches_like(
    folder, kind, processor_kind, images, video, names, *, frames=2, sized=None, around=True, **over
):
    """A model that patchifies an image of any shape, with marks of its own around it."""
    image, movie, start, end = names
    tokenizer = bytelevel(
        "<|im_start|>", "<|im_end|>", *filter(None, names), eos="<|im_end|>", pad="<|endoftext|>"
    )
    options = {**PATCHES, "temporal_patch_size": frames}
    processor = getattr(hf, processor_kind)(
        image_processor=getattr(hf, images)(**(sized or {"size": SIZE}), **options),
        tokenizer=tokenizer,
        video_processor=getattr(hf, video)(**options),
        chat_template=chatml(f"{start}{image}{end}" if around else image, system=""),
    )
    known = hf.AutoConfig.for_model(kind).to_dict()
    marks = {
        "image_token_id": image,
        "image_token_index": image,
        "video_token_id": movie,
        "video_token_index": movie,
        "vision_start_token_id": start,
        "vision_end_token_id": end,
    }
    config = configuration(
        kind,
        tokenizer,
        **{name: of(tokenizer, mark)[0] for name, mark in marks.items() if name in known and mark},
        **over,
    )
    hub_folder(folder, config, tokenizer, processor, video_file=True)


@family
def cosmos3_edge(folder):
    patches_like(
        folder,
        "cosmos3_edge",
        "Cosmos3EdgeProcessor",
        "Cosmos3EdgeImageProcessorPil",
        "Cosmos3EdgeVideoProcessor",
        ("<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>"),
        frames=1,
        vision_config={"patch_size": 4, "num_patches": 64},
        text_config=MROPE,
    )


@family
def cohere_compass(folder):
    patches_like(
        folder,
        "cohere_compass",
        "CohereCompassProcessor",
        "CohereCompassImageProcessorPil",
        "CohereCompassVideoProcessor",
        ("<|IMAGE_PAD|>", "<|VIDEO_PAD|>", "<|VISION_START|>", "<|VISION_END|>"),
        vision_config={"patch_size": 4, **DEEPSTACK},
        text_config={
            "sliding_window": 64,
            "logit_scale": 0.5,
            "layer_types": ["sliding_attention", "full_attention"],
            "rope_parameters": dict.fromkeys(
                ("sliding_attention", "full_attention"), MROPE["rope_parameters"]
            ),
        },
    )


@family
def hyperclovax_vision_v2(folder):
    patches_like(
        folder,
        "hyperclovax_vision_v2",
        "HyperCLOVAXVisionV2Processor",
        "Qwen2VLImageProcessorPil",
        "Qwen2VLVideoProcessor",
        ("<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>"),
        vision_config={"patch_size": 4, "window_size": 16, "fullatt_block_indexes": [1]},
    )


@family
def lfm3_vl(folder):
    patches_like(
        folder,
        "lfm3_vl",
        "Lfm3VlProcessor",
        "Qwen2VLImageProcessorPil",
        "Qwen3VLVideoProcessor",
        ("<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>"),
        vision_config={"patch_size": 4, "layer_types": ["full_attention", "conv"]},
        text_config={"layer_types": ["conv", "full_attention"], "block_auto_adjust_ff_dim": False},
    )


@family
def glm5_next(folder):
    glm(
        folder,
        "glm5_next",
        "Glm5NextProcessor",
        "Glm5NextImageProcessorPil",
        "Glm5NextVideoProcessor",
        text={
            "qk_rope_head_dim": 0,
            "linear_head_dim": 16,
            "linear_num_heads": 2,
            "layer_types": ["linear_attention", "indexed_attention"],
            "mlp_layer_types": ["dense", "sparse"],
            "indexer_types": ["full", "full"],
            "index_head_dim": 16,
            "index_n_heads": 2,
        },
    )


@family
def glmga(folder):
    glm(folder, "glmga", "Glm46VProcessor", "GlmgaImageProcessorPil", "GlmgaVideoProcessor")


@family
def minicpmv4_7(folder):
    named = {
        "image_token": "<|image_pad|>",
        "video_token": "<|video_pad|>",
        "image_start_token": "<image>",
        "image_end_token": "</image>",
        "slice_start_token": "<slice>",
        "slice_end_token": "</slice>",
        "image_id_start_token": "<image_id>",
        "image_id_end_token": "</image_id>",
    }
    marks = ["<image>", "</image>", "<slice>", "</slice>", "<image_id>", "</image_id>", "<unk>"]
    tokenizer = qwen_tokenizer(*marks, "<think>", "</think>", extra_special_tokens=named)
    processor = hf.MiniCPMV4_7Processor(
        image_processor=hf.MiniCPMV4_6ImageProcessorPil(
            patch_size=4, scale_resolution=32, max_slice_nums=4
        ),
        video_processor=hf.MiniCPMV4_6VideoProcessor(),
        tokenizer=tokenizer,
        chat_template=chatml("<|image_pad|>\n", system=""),
    )
    config = configuration(
        "minicpmv4_7",
        tokenizer,
        image_token_id=of(tokenizer, "<|image_pad|>")[0],
        video_token_id=of(tokenizer, "<|video_pad|>")[0],
        image_start_id=of(tokenizer, "<image>")[0],
        image_end_id=of(tokenizer, "</image>")[0],
        slice_start_id=of(tokenizer, "<slice>")[0],
        slice_end_id=of(tokenizer, "</slice>")[0],
        image_size=32,
        insert_layer_id=0,
        vision_config={"image_size": 32, "patch_size": 4, "insert_layer_id": 0},
        text_config=QWEN35_TEXT,
    )
    hub_folder(folder, config, tokenizer, processor)


@family
def qianfan_ocr(folder):
    named = {
        "start_image_token": "<img>",
        "end_image_token": "</img>",
        "context_image_token": "<IMG_CONTEXT>",
    }
    tokenizer = qwen_tokenizer(*named.values(), "<image>", extra_special_tokens=named)
    processor = hf.QianfanOCRProcessor(
        image_processor=hf.GotOcr2ImageProcessorPil(
            size={"height": 16, "width": 16}, min_patches=1, max_patches=6
        ),
        tokenizer=tokenizer,
        image_seq_length=4,
        chat_template=chatml("<image>\n", system=""),
    )
    config = configuration(
        "qianfan_ocr",
        tokenizer,
        vision_config={"image_size": [16, 16], "patch_size": [4, 4]},
        image_seq_length=4,
        image_token_id=of(tokenizer, "<IMG_CONTEXT>")[0],
    )
    hub_folder(folder, config, tokenizer, processor)


@family
def hunyuan_vl(folder):
    named = {
        "image_token": "<image>",
        "image_start_token": "<im_start>",
        "image_end_token": "<im_end>",
    }
    tokenizer = qwen_tokenizer(*named.values(), extra_special_tokens=named)
    processor = hf.HunYuanVLProcessor(
        image_processor=hf.HunYuanVLImageProcessorPil(
            size=SIZE, patch_size=4, merge_size=2, temporal_patch_size=1
        ),
        tokenizer=tokenizer,
        chat_template=chatml("<im_start><image><im_end>", system=""),
    )
    image, start, end = of(tokenizer, *named.values())
    config = configuration(
        "hunyuan_vl",
        tokenizer,
        image_token_id=image,
        im_start_id=start,
        im_end_id=end,
        im_newline_id=image,
        vision_config={
            "patch_size": 4,
            "max_image_size": 64,
            "min_image_size": 16,
            "text_hidden_size": 32,
        },
        text_config={
            "head_dim": 16,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": [2, 2, 2, 2],
            },
        },
    )
    hub_folder(folder, config, tokenizer, processor)


@family
def muse_glimmer(folder):
    patches_like(
        folder,
        "muse_glimmer",
        "MuseGlimmerProcessor",
        "MuseGlimmerImageProcessor",
        "MuseGlimmerVideoProcessor",
        ("<|patch|>", "<|video|>", "<|image_start|>", "<|image_end|>"),
        sized={"max_image_tokens": 40},
        around=False,
        out_hidden_size=128,
        vision_config={
            "patch_size": 4,
            "pos_emb_height": 8,
            "pos_emb_width": 8,
            "max_position_embeddings": 64,
        },
        text_config={"sliding_window": 64, "layer_types": ["sliding_attention", "full_attention"]},
    )


@family
def minimax_m3_vl(folder):
    image, movie = "]<]image[>[", "]<]video[>["
    patches_like(
        folder,
        "minimax_m3_vl",
        "MiniMaxM3VLProcessor",
        "MiniMaxM3VLImageProcessor",
        "MiniMaxM3VLVideoProcessor",
        (image, movie, "]<]start of image[>[", "]<]end of image[>["),
        around=False,
        vision_config={"image_size": 64, "patch_size": 4},
    )
