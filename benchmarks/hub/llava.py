"""LLaVA and its relatives."""

import transformers as hf
from folders import configuration, family, hub_folder, of
from formats import LLAVA, LLAVA_MISTRAL, ONEVISION, PIXTRAL
from qwen import qwen_tokenizer
from vocabularies import bytelevel, spm


def clip(**over):
    return {
        "model_type": "clip_vision_model",
        "image_size": 24,
        "patch_size": 8,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        **over,
    }


CLIP_SIZE = {"size": {"shortest_edge": 24}, "crop_size": {"height": 24, "width": 24}}
PINPOINTS = [[24, 48], [48, 24], [48, 48], [72, 24], [24, 72]]
SIGLIP = {
    "model_type": "siglip_vision_model",
    "image_size": 24,
    "patch_size": 8,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
}


def llava_like(
    folder,
    kind,
    processor_kind,
    images,
    *,
    tokenizer=None,
    template=LLAVA,
    vision=None,
    options=None,
    layout=None,
    **over,
):

    tokenizer = tokenizer or spm("<image>", "<pad>", pad="<pad>")
    options = (
        {
            "patch_size": 8,
            "vision_feature_select_strategy": "default",
            "num_additional_image_tokens": 1,
        }
        if options is None
        else options
    )
    processor = getattr(hf, processor_kind)(
        image_processor=images, tokenizer=tokenizer, chat_template=template, **options
    )
    config = configuration(
        kind,
        tokenizer,
        vision_config=clip() if vision is None else vision,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        **over,
    )
    hub_folder(folder, config, tokenizer, processor, **(layout or {}))


@family
def llava(folder):

    llava_like(
        folder,
        "llava",
        "LlavaProcessor",
        hf.CLIPImageProcessorPil(**CLIP_SIZE),
        image_seq_length=9,
        layout={"template": "json"},
    )


@family
def llava_siglip(folder):
    """LLaVA with a SigLIP tower and Llama 3, such as xtuner's and LLaVA-interleave."""
    tokenizer = bytelevel(
        "<image>", "<|im_start|>", "<|im_end|>", eos="<|im_end|>", pad="<|endoftext|>"
    )
    llava_like(
        folder,
        "llava",
        "LlavaProcessor",
        hf.SiglipImageProcessorPil(size={"height": 24, "width": 24}),
        tokenizer=tokenizer,
        template=ONEVISION,
        vision=SIGLIP,
        options={"patch_size": 8, "vision_feature_select_strategy": "full"},
        vision_feature_select_strategy="full",
        vision_feature_layer=-1,
        image_seq_length=9,
        text_config={"model_type": "qwen2"},
    )


@family
def llava_pixtral(folder):
    """Pixtral 12B as mistral-community has it: model_type llava, tower pixtral."""
    tokenizer = bytelevel(
        "[INST]",
        "[/INST]",
        "[IMG]",
        "[IMG_BREAK]",
        "[IMG_END]",
        bos="<s>",
        eos="</s>",
        pad="<pad>",
        unk="<unk>",
        add_bos=True,
        kind="PreTrainedTokenizerFast",
    )
    processor = hf.PixtralProcessor(
        image_processor=hf.PixtralImageProcessorPil(size={"longest_edge": 64}, patch_size=8),
        tokenizer=tokenizer,
        patch_size=8,
        chat_template=PIXTRAL,
    )
    config = configuration(
        "llava",
        tokenizer,
        image_token_index=of(tokenizer, "[IMG]")[0],
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
        image_seq_length=1,
        vision_config={
            "model_type": "pixtral",
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "head_dim": 16,
            "image_size": 64,
            "patch_size": 8,
        },
        text_config={"model_type": "mistral"},
    )
    hub_folder(folder, config, tokenizer, processor, template="json")


@family
def llava_next(folder):

    llava_like(
        folder,
        "llava_next",
        "LlavaNextProcessor",
        hf.LlavaNextImageProcessorPil(**CLIP_SIZE, image_grid_pinpoints=PINPOINTS),
        tokenizer=spm("<image>", "<pad>", pad="<pad>"),
        template=LLAVA_MISTRAL,
        image_grid_pinpoints=PINPOINTS,
        text_config={"model_type": "mistral"},
        layout={"template": "json"},
    )


@family
def llava_next_video(folder):

    llava_like(
        folder,
        "llava_next_video",
        "LlavaNextVideoProcessor",
        hf.LlavaNextImageProcessorPil(**CLIP_SIZE, image_grid_pinpoints=PINPOINTS),
        tokenizer=spm("<image>", "<video>", "<pad>", pad="<pad>"),
        options={
            "video_processor": hf.LlavaNextVideoVideoProcessor(**CLIP_SIZE),
            "patch_size": 8,
            "vision_feature_select_strategy": "default",
            "num_additional_image_tokens": 1,
        },
        image_grid_pinpoints=PINPOINTS,
        video_token_index=300,
        layout={"template": "json", "video_file": True},
    )


@family
def llava_onevision(folder):

    tokenizer = qwen_tokenizer("<image>", "<video>")
    size = {"height": 24, "width": 24}
    llava_like(
        folder,
        "llava_onevision",
        "LlavaOnevisionProcessor",
        hf.LlavaOnevisionImageProcessorPil(size=size, image_grid_pinpoints=PINPOINTS),
        tokenizer=tokenizer,
        template=ONEVISION,
        vision={**SIGLIP, "vision_use_head": False},
        options={
            "video_processor": hf.LlavaOnevisionVideoProcessor(size=size),
            "num_image_tokens": 9,
            "vision_feature_select_strategy": "full",
            "vision_aspect_ratio": "anyres_max_9",
        },
        image_grid_pinpoints=PINPOINTS,
        video_token_index=of(tokenizer, "<video>")[0],
        layout={"template": "json"},
    )


@family
def vipllava(folder):

    llava_like(
        folder,
        "vipllava",
        "LlavaProcessor",
        hf.CLIPImageProcessorPil(**CLIP_SIZE),
        vision_feature_layers=[-2, -3],
        template="{% for message in messages %}"
        "{% if message['role'] == 'user' %}###Human: {% else %}###Assistant: {% endif %}"
        "{% for c in message['content'] | selectattr('type', 'equalto', 'image') %}<image>\n"
        "{% endfor %}{% for c in message['content'] | selectattr('type', 'equalto', 'text') %}"
        "{{ c['text'] }}{% endfor %}{% endfor %}"
        "{% if add_generation_prompt %}###Assistant:{% endif %}",
        layout={"template": "json"},
    )


@family
def video_llava(folder):

    tokenizer = spm("<image>", "<video>", "<pad>", pad="<pad>")
    processor = hf.VideoLlavaProcessor(
        image_processor=hf.VideoLlavaImageProcessor(**CLIP_SIZE),
        tokenizer=tokenizer,
        video_processor=hf.VideoLlavaVideoProcessor(**CLIP_SIZE),
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=LLAVA,
    )
    config = configuration(
        "video_llava",
        tokenizer,
        vision_config=clip(),
        image_seq_length=9,
        video_seq_length=72,
        image_token_index=of(tokenizer, "<image>")[0],
        video_token_index=of(tokenizer, "<video>")[0],
    )
    hub_folder(folder, config, tokenizer, processor, template="json")
