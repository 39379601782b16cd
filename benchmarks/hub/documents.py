"""Models that were made to read documents."""

import transformers as hf
from folders import configuration, family, hub_folder, of
from formats import chatml, turns
from qwen import QWEN35_TEXT, qwen_tokenizer
from vocabularies import bytelevel, spm

SAM = {
    "image_size": 64,
    "patch_size": 4,
    "window_size": 2,
    "global_attn_indexes": [1],
    "output_channels": 16,
}


@family
def kosmos_2_5(folder):
    named = {"boi_token": "<image>", "eoi_token": "</image>", "image_token": "<s>"}
    tokenizer = spm("<image>", "</image>", "<md>", "<ocr>", "<pad>", pad="<pad>", add_bos=False)
    for name, token in named.items():
        setattr(tokenizer, name, token)
    tokenizer.init_kwargs |= named
    processor = hf.Kosmos2_5Processor(
        hf.Kosmos2_5ImageProcessorPil(patch_size={"height": 4, "width": 4}),
        tokenizer,
        num_image_tokens=8,
    )
    config = configuration(
        "kosmos-2.5",
        tokenizer,
        latent_query_num=8,
        text_config={"layers": 2, "attention_heads": 2, "embed_dim": 32},
        vision_config={"patch_embed_hidden_size": 48},
    )
    hub_folder(folder, config, tokenizer, processor, template="none")


@family
def granite_docling(folder):
    cells = [f"<row_{row}_col_{column}>" for row in range(1, 5) for column in range(1, 5)]
    tokenizer = bytelevel(
        "<|start_of_role|>",
        "<|end_of_role|>",
        "<image>",
        "<fake_token_around_image>",
        "<global-img>",
        *cells,
        bos="<|end_of_text|>",
        eos="<|end_of_text|>",
        pad="<|pad|>",
        kind="GPT2Tokenizer",
    )
    processor = hf.GraniteDoclingProcessor(
        hf.GraniteDoclingImageProcessorPil(size={"height": 16, "width": 16}, max_patches=4),
        tokenizer,
        image_seq_len=4,
        chat_template=turns(
            "<|start_of_role|>user<|end_of_role|>",
            "<|start_of_role|>assistant<|end_of_role|>",
            "<image>",
            "<|end_of_text|>",
        ),
    )
    config = configuration(
        "granite_docling",
        tokenizer,
        image_token_id=of(tokenizer, "<image>")[0],
        pad_token_id=tokenizer.pad_token_id,
        vision_config={
            "image_size": 16,
            "patch_size": 4,
            "scale_factor": 2,
            "deepstack_visual_indexes": [0, 0, 1],
            "out_hidden_size": 32,
        },
        text_config={"attention_multiplier": 0.25, "logits_scaling": 1.0},
    )
    hub_folder(folder, config, tokenizer, processor)


@family
def pp_chart2table(folder):
    tokenizer = qwen_tokenizer("<img>", "</img>", "<imgpad>")
    tokenizer.image_token = "<imgpad>"
    processor = hf.PPChart2TableProcessor(
        image_processor=hf.PPChart2TableImageProcessorPil(size={"height": 64, "width": 64}),
        tokenizer=tokenizer,
        chat_template=chatml(f"<img>{'<imgpad>' * 16}</img>\n", system=""),
    )
    config = configuration(
        "pp_chart2table",
        tokenizer,
        image_token_index=of(tokenizer, "<imgpad>")[0],
        image_seq_length=16,
        vision_config=SAM,
    )
    hub_folder(folder, config, tokenizer, processor)


@family
def deepseek_ocr2(folder):
    """It has queries for grids of 16 by 16 and of 12 by 12 tokens, and for no others."""
    tokenizer = bytelevel(
        "<image>",
        "<|User|>",
        "<|Assistant|>",
        bos="<|begin▁of▁sentence|>",
        eos="<|end▁of▁sentence|>",
        pad="<|▁pad▁|>",
        add_bos=True,
        kind="LlamaTokenizerFast",
    )
    processor = hf.DeepseekOcr2Processor(
        image_processor=hf.DeepseekOcr2ImageProcessorPil(
            size={"height": 128, "width": 128}, tile_size=96, max_patches=4
        ),
        tokenizer=tokenizer,
        patch_size=2,
        chat_template=turns("", "", "<image>\n", "", bos="{{ bos_token }}", after=""),
    )
    config = configuration(
        "deepseek_ocr2",
        tokenizer,
        image_token_id=of(tokenizer, "<image>")[0],
        vision_config={
            "sam_config": {
                **SAM,
                "image_size": 128,
                "patch_size": 2,
                "downsample_channels": [16, 32],
            },
            "encoder_config": {"layer_types": ["full_attention"] * 2},
        },
        text_config={
            "mlp_layer_types": ["dense", "sparse"],
            "n_group": None,
            "topk_group": None,
            "num_experts_per_tok": 2,
        },
    )
    hub_folder(folder, config, tokenizer, processor)


@family
def minicpm_ocr(folder):
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
    tokenizer = qwen_tokenizer(*list(named.values())[2:], extra_special_tokens=named)
    processor = hf.MiniCPMOcrProcessor(
        image_processor=hf.MiniCPMOcrImageProcessor(
            patch_size=4, scale_resolution=32, max_slice_nums=4
        ),
        video_processor=hf.MiniCPMOcrVideoProcessor(),
        tokenizer=tokenizer,
        chat_template=chatml("<|image_pad|>\n", system=""),
    )
    config = configuration(
        "minicpm_ocr",
        tokenizer,
        image_token_id=of(tokenizer, "<|image_pad|>")[0],
        video_token_id=of(tokenizer, "<|video_pad|>")[0],
        insert_layer_id=0,
        vision_config={"image_size": 32, "patch_size": 4, "insert_layer_id": 0},
        text_config=QWEN35_TEXT,
    )
    hub_folder(folder, config, tokenizer, processor, nested=True)
