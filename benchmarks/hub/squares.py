"""Models that cut a picture into squares: Inkling without resizing it, and Step 3.7."""

import transformers as hf
from folders import configuration, family, hub_folder, of
from formats import chatml, turns
from vocabularies import bytelevel

INKLING = ("<|unused_200054|>", "<|unused_200053|>", "<|content_image|>", "<|content_audio_input|>")
INKLING_TURNS = ("<|message_user|>", "<|message_model|>", "<|content_text|>", "<|end_message|>")
INKLING_TEXT = {
    "swa_num_attention_heads": 2,
    "swa_num_key_value_heads": 2,
    "swa_head_dim": 16,
    "sliding_window_size": 64,
    "d_rel": 4,
    "rel_extent": 64,
    "layer_types": ["hybrid_sliding", "hybrid"],
}


def inkling(folder, kind, make, **parts):
    """Both generations: a picture is cut into squares without being resized."""
    tokenizer = bytelevel(
        *INKLING, *INKLING_TURNS, eos="<|end_message|>", pad="<|endoftext|>", kind="GPT2Tokenizer"
    )
    template = turns(
        "<|message_user|>",
        "<|message_model|>",
        "<|content_image|><|unused_200054|>",
        "<|end_message|>",
        after="",
    )
    parts["text_config"]["unpadded_vocab_size"] = len(tokenizer)
    known = hf.AutoConfig.for_model(kind).to_dict()
    image, sound, image_start, sound_start = of(tokenizer, *INKLING)
    ids = {
        "image_token_id": image,
        "audio_token_id": sound,
        "image_bos_token_id": image_start,
        "audio_bos_token_id": sound_start,
    }
    config = configuration(
        kind, tokenizer, **{name: mark for name, mark in ids.items() if name in known}, **parts
    )
    hub_folder(folder, config, tokenizer, make(tokenizer, template), nested=True)


@family
def inkling_mm_model(folder):
    def make(tokenizer, template):
        return hf.InklingProcessor(
            hf.InklingFeatureExtractor(),
            hf.InklingImageProcessor(size={"height": 12, "width": 12}),
            tokenizer,
            chat_template=template,
        )

    inkling(
        folder,
        "inkling_mm_model",
        make,
        vision_config={"patch_size": 12, "num_hidden_layers": 2, "text_hidden_size": 32},
        audio_config={"text_hidden_size": 32},
        text_config={
            **INKLING_TEXT,
            "mlp_layer_types": ["dense", "sparse"],
            "logits_mup_width_multiplier": 1.0,
        },
    )


@family
def inkling2(folder):
    def make(tokenizer, template):
        return hf.Inkling2Processor(
            hf.Inkling2ImageProcessor(size={"height": 8, "width": 8}),
            tokenizer,
            chat_template=template,
        )

    inkling(
        folder,
        "inkling2",
        make,
        vision_config={
            "patch_size": 4,
            "posemb_grid_size": 8,
            "projection_hidden_dim": 32,
            "text_hidden_size": 32,
        },
        text_config={**INKLING_TEXT, "n_layers_per_attn_res_block": 2},
    )


@family
def step3p7(folder):
    marks = ["<im_patch>", "<im_start>", "<im_end>", "<patch_start>", "<patch_end>"]
    tokenizer = bytelevel(
        *marks,
        "<patch_newline>",
        "<|im_start|>",
        "<|im_end|>",
        eos="<|im_end|>",
        pad="<|endoftext|>",
        kind="LlamaTokenizerFast",
    )
    processor = hf.Step3p7Processor(
        hf.Step3p7ImageProcessor(
            size={"height": 48, "width": 48}, patch_size=32, vision_patch_size=4
        ),
        tokenizer,
        chat_template=chatml("<im_patch>", system=""),
    )
    config = configuration(
        "step3p7",
        tokenizer,
        image_token_id=of(tokenizer, "<im_patch>")[0],
        vision_config={
            "image_size": 48,
            "patch_size": 4,
            "mlp_ratio": 2.0,
            "max_position_embeddings": 144,
        },
        text_config={
            "layer_types": ["sliding_attention", "full_attention"],
            "mlp_layer_types": ["dense", "sparse"],
            "sliding_window": 64,
            "share_expert_dim": 32,
            "n_routed_experts": 4,
        },
    )
    hub_folder(folder, config, tokenizer, processor, nested=True)
