"""PaliGemma and Gemma."""

import json
from pathlib import Path

import transformers as hf
from folders import configuration, family, hub_folder, of
from formats import turns
from llava import SIGLIP
from vocabularies import spm


def gemma_tokenizer(*specials, **extra):
    return spm(
        "<start_of_turn>",
        "<end_of_turn>",
        *specials,
        bos="<bos>",
        eos="<eos>",
        pad="<pad>",
        prefix=False,
        kind="GemmaTokenizerFast",
        **extra,
    )


def gemma_chat(image):
    return turns(
        "<start_of_turn>user\n",
        "<start_of_turn>model\n",
        image,
        "<end_of_turn>",
        bos="{{ bos_token }}",
    )


@family
def paligemma(folder):

    tokenizer = gemma_tokenizer("<image>", *[f"<loc{i:04d}>" for i in range(4)])
    images = hf.SiglipImageProcessorPil(size={"height": 16, "width": 16})
    images.image_seq_length = 4
    processor = hf.PaliGemmaProcessor(images, tokenizer)
    config = configuration(
        "paligemma",
        tokenizer,
        image_token_index=of(tokenizer, "<image>")[0],
        vocab_size=len(tokenizer),
        vision_config={**SIGLIP, "image_size": 16, "projection_dim": 32, "vision_use_head": False},
        text_config={"num_key_value_heads": 1},
    )
    hub_folder(folder, config, tokenizer, processor, template="none")


@family
def paligemma2(folder):
    """PaliGemma 2: text of Gemma 2."""
    tokenizer = gemma_tokenizer("<image>", *[f"<loc{i:04d}>" for i in range(4)])
    images = hf.SiglipImageProcessorPil(size={"height": 16, "width": 16})
    images.image_seq_length = 4
    processor = hf.PaliGemmaProcessor(images, tokenizer)
    config = configuration(
        "paligemma",
        tokenizer,
        image_token_index=of(tokenizer, "<image>")[0],
        vision_config={**SIGLIP, "image_size": 16, "projection_dim": 32, "vision_use_head": False},
        text_config={"model_type": "gemma2", "sliding_window": 16},
    )
    hub_folder(folder, config, tokenizer, processor, template="none")


def gemma3_like(folder, kind, processor_kind, template="jinja", **options):

    named = {
        "boi_token": "<start_of_image>",
        "eoi_token": "<end_of_image>",
        "image_token": "<image_soft_token>",
    }
    tokenizer = gemma_tokenizer(*named.values(), extra_special_tokens=named)
    processor = getattr(hf, processor_kind)(
        hf.Gemma3ImageProcessorPil(size={"height": 16, "width": 16}),
        tokenizer,
        image_seq_length=4,
        chat_template=gemma_chat("<start_of_image>"),
        **options,
    )
    start, end, image = of(tokenizer, *named.values())
    config = configuration(
        kind,
        tokenizer,
        image_token_index=image,
        boi_token_index=start,
        eoi_token_index=end,
        mm_tokens_per_image=4,
        vision_config={**SIGLIP, "image_size": 16, "patch_size": 4, "vision_use_head": False},
        text_config={"sliding_window": 16, "num_hidden_layers": 6, "query_pre_attn_scalar": 16},
    )
    hub_folder(
        folder,
        config,
        tokenizer,
        processor,
        template=template,
        generation=of(tokenizer, "<eos>", "<end_of_turn>"),
    )


@family
def gemma3(folder):
    gemma3_like(folder, "gemma3", "Gemma3Processor")


@family
def gemma3_pt(folder):
    """The pretrained Gemma 3: no chat template."""
    gemma3_like(folder, "gemma3", "Gemma3Processor", template="none")


@family
def shieldgemma2(folder):
    """A classifier on the hub; transformers' mapping takes it for a model that writes."""
    gemma3_like(folder, "shieldgemma2", "ShieldGemma2Processor", policy_definitions={"p": "no"})
    path = Path(folder, "config.json")
    config = json.loads(path.read_text())
    config["architectures"] = ["ShieldGemma2ForImageClassification"]
    path.write_text(json.dumps(config))


@family
def gemma3n(folder):

    named = {
        "boi_token": "<start_of_image>",
        "eoi_token": "<end_of_image>",
        "image_token": "<image_soft_token>",
        "boa_token": "<start_of_audio>",
        "eoa_token": "<end_of_audio>",
        "audio_token": "<audio_soft_token>",
    }
    tokenizer = gemma_tokenizer(*named.values(), extra_special_tokens=named)
    processor = hf.Gemma3nProcessor(
        hf.Gemma3nAudioFeatureExtractor(),
        hf.SiglipImageProcessorPil(size={"height": 64, "width": 64}),
        tokenizer,
        image_seq_length=256,
        audio_seq_length=4,
        chat_template=gemma_chat("<image_soft_token>"),
    )
    start, end, image, audio_start, audio_end, audio = of(tokenizer, *named.values())
    base = min(start, end, image, audio_start, audio_end, audio)
    config = configuration(
        "gemma3n",
        tokenizer,
        image_token_id=image,
        boi_token_id=start,
        eoi_token_id=end,
        boa_token_id=audio_start,
        eoa_token_id=audio_end,
        audio_token_id=audio,
        vision_soft_tokens_per_image=256,
        audio_soft_tokens_per_image=4,
        vision_config={"vocab_offset": base, "vocab_size": 8, "hidden_size": 2048},
        audio_config={
            "vocab_offset": base + 8,
            "vocab_size": 8,
            "conf_num_attention_heads": 2,
            "conf_num_hidden_layers": 1,
            "conf_attention_chunk_size": 4,
            "conf_attention_context_left": 5,
            "sscp_conv_channel_size": [4, 4],
        },
        text_config={
            "vocab_size_per_layer_input": len(tokenizer),
            "hidden_size_per_layer_input": 8,
            "num_kv_shared_layers": 0,
            "laurel_rank": 4,
            "altup_num_inputs": 2,
            "sliding_window": 16,
            "num_hidden_layers": 5,
            "intermediate_size": 64,
            "activation_sparsity_pattern": [0.0] * 5,
            "vocab_size": len(tokenizer) + 16,
        },
    )
    hub_folder(folder, config, tokenizer, processor)


@family
def gemma4(folder):

    named = {
        "boi_token": "<|image>",
        "eoi_token": "<image|>",
        "image_token": "<|image|>",
        "video_token": "<|video|>",
        "boa_token": "<|audio>",
        "eoa_token": "<audio|>",
        "audio_token": "<|audio|>",
    }
    tokenizer = spm(
        "<|turn>",
        "<turn|>",
        *named.values(),
        bos="<bos>",
        eos="<eos>",
        pad="<pad>",
        prefix=False,
        kind="GemmaTokenizer",
        extra_special_tokens=named,
    )
    images = hf.Gemma4ImageProcessorPil(patch_size=4, pooling_kernel_size=2, max_soft_tokens=70)
    processor = hf.Gemma4Processor(
        hf.Gemma4AudioFeatureExtractor(),
        images,
        tokenizer,
        hf.Gemma4VideoProcessor(patch_size=4, pooling_kernel_size=2),
        image_seq_length=70,
        chat_template=turns(
            "<|turn>user\n", "<|turn>model\n", "<|image|>", "<turn|>", bos="{{ bos_token }}"
        ),
    )
    start, end, image, video, audio_start, audio_end, audio = of(tokenizer, *named.values())
    config = configuration(
        "gemma4",
        tokenizer,
        image_token_id=image,
        boi_token_id=start,
        eoi_token_id=end,
        boa_token_id=audio_start,
        eoa_token_index=audio_end,
        audio_token_id=audio,
        video_token_id=video,
        vision_config={
            "model_type": "gemma4_vision",
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "head_dim": 16,
            "patch_size": 4,
            "pooling_kernel_size": 2,
            "position_embedding_size": 512,
        },
        text_config={
            "vocab_size_per_layer_input": len(tokenizer),
            "hidden_size_per_layer_input": 8,
            "sliding_window": 16,
            "num_hidden_layers": 6,
            "global_head_dim": 16,
        },
    )
    hub_folder(folder, config, tokenizer, processor)
