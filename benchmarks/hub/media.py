"""Models that hear besides, of which no part is left out."""

import transformers as hf
from folders import configuration, family, hub_folder, of
from formats import chatml, turns
from newest import PATCHES, SIZE
from vocabularies import bytelevel, spm


@family
def gemma4_unified(folder):
    named = {
        "boi_token": "<|image>",
        "eoi_token": "<image|>",
        "image_token": "<|image|>",
        "boa_token": "<|audio>",
        "eoa_token": "<audio|>",
        "audio_token": "<|audio|>",
    }
    tokenizer = spm(
        "<|turn>",
        "<turn|>",
        "<|video|>",
        *named.values(),
        bos="<bos>",
        eos="<eos>",
        pad="<pad>",
        prefix=False,
        kind="GemmaTokenizer",
        extra_special_tokens=named,
    )
    patches = {"patch_size": 4, "pooling_kernel_size": 2}
    processor = hf.Gemma4UnifiedProcessor(
        hf.Gemma4UnifiedAudioFeatureExtractor(),
        hf.Gemma4UnifiedImageProcessor(**patches, max_soft_tokens=70),
        tokenizer,
        hf.Gemma4UnifiedVideoProcessor(**patches),
        image_seq_length=70,
        chat_template=turns(
            "<|turn>user\n", "<|turn>model\n", "<|image|>", "<turn|>", bos="{{ bos_token }}"
        ),
    )
    start, end, image, audio_start, audio_end, audio = of(tokenizer, *named.values())
    config = configuration(
        "gemma4_unified",
        tokenizer,
        image_token_id=image,
        boi_token_id=start,
        eoi_token_id=end,
        boa_token_id=audio_start,
        eoa_token_index=audio_end,
        audio_token_id=audio,
        video_token_id=of(tokenizer, "<|video|>")[0],
        vision_config={
            "model_type": "gemma4_unified_vision",
            **patches,
            "mm_embed_dim": 32,
            "mm_posemb_size": 64,
            "output_proj_dims": 32,
        },
        audio_config={"model_type": "gemma4_unified_audio"},
        text_config={
            "sliding_window": 16,
            "global_head_dim": 16,
            "layer_types": ["sliding_attention", "full_attention"],
        },
    )
    hub_folder(folder, config, tokenizer, processor, nested=True)


@family
def dots3_note(folder):
    marks = ["<|img|>", "<|imgpad|>", "<|endofimg|>", "<|video_pad|>", "<|audio_comp_pad|>"]
    turn = ["<|userprompt|>", "<|endofuserprompt|>", "<|response|>", "<|endofresponse|>"]
    tokenizer = bytelevel(*marks, *turn, eos="<|endofresponse|>", pad="<|endoftext|>")
    options = {**PATCHES, "temporal_patch_size": 1}
    processor = hf.Dots3NoteProcessor(
        image_processor=hf.Qwen2VLImageProcessorPil(size=SIZE, **options),
        tokenizer=tokenizer,
        video_processor=hf.Qwen2VLVideoProcessor(**options),
        feature_extractor=hf.Dots3NoteFeatureExtractor(),
        chat_template=turns(
            "<|userprompt|>",
            "<|response|>",
            "<|img|><|imgpad|><|endofimg|>",
            "{% if message['role'] == 'user' %}<|endofuserprompt|>{% else %}<|endofresponse|>"
            "{% endif %}",
            after="",
        ),
    )
    image, movie, sound = of(tokenizer, "<|imgpad|>", "<|video_pad|>", "<|audio_comp_pad|>")
    window = {
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "q_lora_rank": 16,
        "kv_lora_rank": 16,
        "head_dim": 16,
        "qk_nope_head_dim": 8,
        "v_head_dim": 16,
    }
    config = configuration(
        "dots3_note",
        tokenizer,
        image_token_id=image,
        video_token_id=movie,
        audio_token_id=sound,
        vision_config={
            "patch_size": 4,
            "mlp_layer_types": ["dense", "sparse"],
            "num_experts_per_tok": 2,
            "adapter_in_dim": 32,
            "adapter_out_dim": 32,
        },
        audio_config={
            "downsample_hidden_size": 8,
            "adapter_input_size": 32,
            "adapter_out_dim": 32,
        },
        text_config={
            "layer_types": ["indexed_attention", "sliding_attention"],
            "mlp_layer_types": ["dense", "sparse"],
            "sliding_window": 64,
            "index_head_dim": 16,
            "index_n_heads": 2,
            "shared_experts_intermediate_size": 32,
            **{f"swa_{name}": value for name, value in window.items()},
        },
    )
    hub_folder(folder, config, tokenizer, processor, nested=True)


@family
def muse_spark(folder):
    tokenizer = bytelevel(
        "<|patch|>",
        "<|image_start|>",
        "<|image_end|>",
        "<|video|>",
        "<|vid_frame_separator|>",
        "<|vid_start|>",
        "<|vid_end|>",
        "<|audio|>",
        "<|soft_audio_start|>",
        "<|soft_audio_end|>",
        "<|im_start|>",
        "<|im_end|>",
        eos="<|im_end|>",
        pad="<|endoftext|>",
    )
    processor = hf.MuseSparkProcessor(
        image_processor=hf.MuseGlimmerImageProcessor(**PATCHES, max_image_tokens=40),
        video_processor=hf.MuseGlimmerVideoProcessor(**PATCHES),
        tokenizer=tokenizer,
        feature_extractor=hf.MuseSparkFeatureExtractor(),
        chat_template=chatml("<|patch|>", system=""),
    )
    image, movie, sound = of(tokenizer, "<|patch|>", "<|video|>", "<|audio|>")
    config = configuration(
        "muse_spark",
        tokenizer,
        image_token_id=image,
        video_token_id=movie,
        audio_token_id=sound,
        out_hidden_size=128,
        vision_config={
            "patch_size": 4,
            "pos_emb_height": 8,
            "pos_emb_width": 8,
            "max_position_embeddings": 64,
        },
        audio_config={
            "patch_sizes": [4, 4],
            "hidden_sizes": [8, 16],
            "depths": [1, 1],
        },
        text_config={
            "moe_hidden_size": 32,
            "sliding_window": 64,
            "output_multiplier": 1.0,
            "layer_types": ["sliding_attention", "full_attention"],
        },
    )
    hub_folder(folder, config, tokenizer, processor, nested=True)


@family
def nemotron_h_omni(folder):
    marks = ["<image>", "<video>", "<so_embedding>", "<so_start>", "<so_end>", "<img>", "</img>"]
    tokenizer = bytelevel(
        *marks, "<|im_start|>", "<|im_end|>", eos="<|im_end|>", pad="<|endoftext|>"
    )
    images = {"patch_size": 4, "min_num_patches": 16, "max_num_patches": 120}
    processor = hf.NemotronH_Omni_Reasoning_V3Processor(
        image_processor=hf.NemotronH_Omni_Reasoning_V3ImageProcessor(**images),
        video_processor=hf.NemotronH_Omni_Reasoning_V3VideoProcessor(),
        tokenizer=tokenizer,
        feature_extractor=hf.ParakeetFeatureExtractor(),
        chat_template=chatml("<image>\n", system=""),
    )
    image, movie, sound = of(tokenizer, *marks[:3])
    config = configuration(
        "nemotron_h_omni",
        tokenizer,
        image_token_id=image,
        video_token_id=movie,
        audio_token_id=sound,
        vision_hidden_size=32,
        vision_config={
            "patch_size": 4,
            "max_img_size": 128,
            "image_size": 64,
            "mlp_ratio": 2.0,
            "video_temporal_patch_size": 2,
        },
        audio_config=None,
        text_config={
            "layers_block_type": ["linear_attention", "moe", "full_attention", "mlp"],
            "ssm_state_size": 16,
            "mamba_num_heads": 4,
            "mamba_head_dim": 16,
            "n_groups": 2,
            "chunk_size": 32,
            "moe_shared_expert_intermediate_size": 32,
        },
    )
    hub_folder(folder, config, tokenizer, processor, nested=True)
