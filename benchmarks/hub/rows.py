"""Models whose rows of image tokens end with a token, and those of Cohere."""

import transformers as hf
from folders import SMALL, configuration, family, hub_folder, of
from formats import MISTRAL, chatml, turns
from llava import SIGLIP
from qwen import qwen_tokenizer
from vocabularies import bytelevel


def mistral(folder, kind, *, text=None, **vision):
    """Mistral's language models behind Pixtral's tower."""
    tokenizer = bytelevel(
        "[INST]",
        "[/INST]",
        "[IMG]",
        "[IMG_BREAK]",
        "[IMG_END]",
        "[SYSTEM_PROMPT]",
        "[/SYSTEM_PROMPT]",
        bos="<s>",
        eos="</s>",
        pad="<pad>",
        unk="<unk>",
        add_bos=True,
        kind="LlamaTokenizerFast",
    )
    processor = hf.PixtralProcessor(
        image_processor=hf.PixtralImageProcessorPil(size={"longest_edge": 64}, patch_size=8),
        tokenizer=tokenizer,
        patch_size=8,
        spatial_merge_size=2,
        chat_template=MISTRAL,
    )
    config = configuration(
        kind,
        tokenizer,
        image_token_index=of(tokenizer, "[IMG]")[0],
        spatial_merge_size=2,
        vision_config={"image_size": 64, "patch_size": 8, **vision},
        text_config=text or {},
    )
    hub_folder(folder, config, tokenizer, processor)


@family
def mistral3(folder):
    mistral(folder, "mistral3", vocab_size=32)


@family
def mistral_large4(folder):
    mistral(folder, "mistral_large4")


@family
def mistral3_small4(folder):
    """Mistral Small 4: `mistral3` around the text model `mistral4`."""
    own = (
        "qk_rope_head_dim",
        "qk_nope_head_dim",
        "v_head_dim",
        "kv_lora_rank",
        "q_lora_rank",
        "n_routed_experts",
        "moe_intermediate_size",
        "num_experts_per_tok",
        "n_group",
        "topk_group",
        "first_k_dense_replace",
    )
    sizes = {name: SMALL[name] for name in own}
    mistral(folder, "mistral3", text={"model_type": "mistral4", **sizes})


@family
def lighton_ocr(folder):

    named = {
        "image_token": "<|image_pad|>",
        "image_break_token": "<|vision_pad|>",
        "image_end_token": "<|vision_end|>",
    }
    tokenizer = qwen_tokenizer(extra_special_tokens=named)
    processor = hf.LightOnOcrProcessor(
        image_processor=hf.PixtralImageProcessorPil(size={"longest_edge": 64}, patch_size=8),
        tokenizer=tokenizer,
        patch_size=8,
        spatial_merge_size=2,
        chat_template=chatml("<|image_pad|>", system=""),
    )
    config = configuration(
        "lighton_ocr",
        tokenizer,
        image_token_id=of(tokenizer, "<|image_pad|>")[0],
        spatial_merge_size=2,
        vision_config={"image_size": 64, "patch_size": 8},
    )
    hub_folder(folder, config, tokenizer, processor)


COHERE = (
    "<|START_OF_TURN_TOKEN|>",
    "<|END_OF_TURN_TOKEN|>",
    "<|USER_TOKEN|>",
    "<|CHATBOT_TOKEN|>",
    "<|START_RESPONSE|>",
    "<|END_RESPONSE|>",
    "<image>",
    "<|START_OF_IMG|>",
    "<|END_OF_IMG|>",
    "<|IMG_PATCH|>",
    "<|IMG_LINE_BREAK|>",
    "TILE",
    "TILE_GLOBAL",
    *[f"TILE_{index}" for index in range(1, 13)],
)
USER, BOT, OVER = (
    "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>",
    "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>",
    "<|END_OF_TURN_TOKEN|>",
)


def cohere_tokenizer(**extra):
    return bytelevel(
        *COHERE,
        bos="<BOS_TOKEN>",
        eos="<|END_OF_TURN_TOKEN|>",
        pad="<PAD>",
        unk="<UNK>",
        add_bos=True,
        kind="CohereTokenizer",
        **extra,
    )


@family
def aya_vision(folder):

    tokenizer = cohere_tokenizer()
    processor = hf.AyaVisionProcessor(
        image_processor=hf.GotOcr2ImageProcessorPil(
            size={"height": 16, "width": 16}, crop_to_patches=True, max_patches=6
        ),
        tokenizer=tokenizer,
        patch_size=4,
        img_size=16,
        downsample_factor=2,
        chat_template=turns(
            USER, BOT + "<|START_RESPONSE|>", "<image>", OVER, bos="{{ bos_token }}", after=""
        ),
    )
    config = configuration(
        "aya_vision",
        tokenizer,
        image_token_index=of(tokenizer, "<|IMG_PATCH|>")[0],
        downsample_factor=2,
        vision_config={**SIGLIP, "image_size": 16, "patch_size": 4, "vision_use_head": False},
        text_config={"sliding_window": 64, "logit_scale": 0.5},
    )
    hub_folder(folder, config, tokenizer, processor, template="json")


@family
def cohere2_vision(folder):

    named = {
        "image_token": "<|IMG_PATCH|>",
        "boi_token": "<|START_OF_IMG|>",
        "eoi_token": "<|END_OF_IMG|>",
        "img_line_break_token": "<|IMG_LINE_BREAK|>",
    }
    tokenizer = cohere_tokenizer(extra_special_tokens=named)
    processor = hf.Cohere2VisionProcessor(
        image_processor=hf.Cohere2VisionImageProcessor(
            size={"height": 16, "width": 16}, patch_size=2, downsample_factor=2, max_patches=6
        ),
        tokenizer=tokenizer,
        chat_template=turns(
            USER,
            BOT + "<|START_RESPONSE|>",
            "<|IMG_PATCH|>",
            "{% if message['role'] == 'assistant' %}<|END_RESPONSE|>{% endif %}" + OVER,
            bos="{{ bos_token }}",
            after="",
        ),
    )
    config = configuration(
        "cohere2_vision",
        tokenizer,
        image_token_id=of(tokenizer, "<|IMG_PATCH|>")[0],
        downsample_factor=2,
        alignment_intermediate_size=64,
        vision_config={**SIGLIP, "image_size": 16, "patch_size": 4, "vision_use_head": False},
        text_config={"sliding_window": 64, "logit_scale": 0.5},
    )
    hub_folder(folder, config, tokenizer, processor)
