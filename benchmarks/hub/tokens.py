"""Models of image tokens, Granite, Kimi and MiniCPM."""

import transformers as hf
from folders import configuration, family, hub_folder, of
from formats import chatml, turns
from llava import SIGLIP
from qwen import QWEN35_TEXT, qwen_tokenizer
from vocabularies import bytelevel


@family
def emu3(folder):

    named = {
        "image_token": "<image>",
        "boi_token": "<|image start|>",
        "eoi_token": "<|image end|>",
        "image_wrapper_token": "<|image token|>",
        "eof_token": "<|extra_201|>",
        "eol_token": "<|extra_200|>",
    }
    visual = [f"<|visual token {index:06d}|>" for index in range(32)]
    tokenizer = bytelevel(
        *named.values(),
        *visual,
        bos="<|extra_203|>",
        eos="<|extra_204|>",
        pad="<|endoftext|>",
        kind="GPT2TokenizerFast",
        extra_special_tokens=named,
    )
    processor = hf.Emu3Processor(
        hf.Emu3ImageProcessor(min_pixels=256, max_pixels=1024, spatial_factor=8),
        tokenizer,
        chat_template="{% for message in messages %}{% if message['role'] != 'system' %}"
        "{{ message['role'].upper() + ': '}}{% endif %}"
        "{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}"
        "{{ '<image>' }}{% endfor %}{% for content in message['content'] | selectattr('type', "
        "'equalto', 'text') %}{{ content['text'] + ' '}}{% endfor %}{% endfor %}"
        "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}",
    )
    config = configuration(
        "emu3",
        tokenizer,
        image_token_id=of(tokenizer, "<image>")[0],
        vocabulary_map={
            **{token: of(tokenizer, token)[0] for token in visual},
            "<image>": of(tokenizer, "<image>")[0],
            "<|extra_200|>": of(tokenizer, "<|extra_200|>")[0],
        },
        vq_config={
            "codebook_size": 32,
            "base_channels": 32,
            "channel_multiplier": [1, 1, 1, 1],
            "num_res_blocks": 1,
            "attn_resolutions": [],
            "hidden_size": 32,
            "embed_dim": 4,
            "latent_channels": 4,
        },
    )
    hub_folder(folder, config, tokenizer, processor)


@family
def chameleon(folder):

    named = {"image_token": "<image>", "boi_token": "<racm3:break>", "eoi_token": "<eoss>"}
    visual = [
        "IMGIMG" + "".join(chr(ord("A") + int(d)) for d in str(index)) + "Z" for index in range(32)
    ]
    tokenizer = bytelevel(
        *named.values(),
        "<reserved08706>",
        *visual,
        bos="<s>",
        eos="</s>",
        pad="<pad>",
        unk="<unk>",
        add_bos=True,
        kind="LlamaTokenizerFast",
        extra_special_tokens=named,
    )
    processor = hf.ChameleonProcessor(
        hf.ChameleonImageProcessorPil(
            size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
        ),
        tokenizer,
        image_seq_length=256,
    )
    config = configuration(
        "chameleon",
        tokenizer,
        text=None,
        image_token_id=of(tokenizer, "<image>")[0],
        vocabulary_map={
            token: i
            for i, token in enumerate(tokenizer.convert_ids_to_tokens(range(len(tokenizer))))
        },
        vq_config={
            "embed_dim": 8,
            "num_embeddings": 32,
            "latent_channels": 8,
            "resolution": 32,
            "base_channels": 32,
            "channel_multiplier": [1, 1],
            "num_res_blocks": 1,
        },
    )
    hub_folder(folder, config, tokenizer, processor, template="none")


@family
def granite4_vision(folder):

    tokenizer = bytelevel(
        "<image>",
        "<|start_of_role|>",
        "<|end_of_role|>",
        eos="<|end_of_text|>",
        pad="<|pad|>",
        kind="GPT2TokenizerFast",
    )
    processor = hf.Granite4VisionProcessor(
        image_processor=hf.LlavaNextImageProcessorPil(
            size={"height": 32, "width": 32},
            crop_size={"height": 32, "width": 32},
            image_grid_pinpoints=[[32, 64], [64, 32], [64, 64]],
        ),
        tokenizer=tokenizer,
        patch_size=8,
        vision_feature_select_strategy="full",
        downsample_rate="2/4",
        chat_template=turns(
            "<|start_of_role|>user<|end_of_role|>",
            "<|start_of_role|>assistant<|end_of_role|>",
            "<image>\n",
            "<|end_of_text|>",
        ),
    )
    config = configuration(
        "granite4_vision",
        tokenizer,
        image_token_index=of(tokenizer, "<image>")[0],
        downsample_rate="2/4",
        vision_feature_select_strategy="full",
        vision_feature_layer=-1,
        image_grid_pinpoints=[[32, 64], [64, 32], [64, 64]],
        deepstack_layer_map=[[0, 0]],
        spatial_target_layers=[],
        use_spatial_sampling=False,
        vision_config={**SIGLIP, "image_size": 32, "vision_use_head": False, "hidden_size": 64},
        qformer_config={
            "encoder_hidden_size": 64,
            "num_hidden_layers": 1,
            "hidden_size": 64,
            "num_attention_heads": 1,
            "cross_attention_frequency": 1,
        },
    )
    hub_folder(folder, config, tokenizer, processor)


@family
def granite_vision(folder):
    """Granite Vision 3.x: model_type llava_next, SigLIP tower, several feature layers."""
    tokenizer = bytelevel(
        "<image>", eos="<|end_of_text|>", pad="<|end_of_text|>", kind="GPT2TokenizerFast"
    )
    grid = [[24, 48], [48, 24], [48, 48]]
    processor = hf.LlavaNextProcessor(
        image_processor=hf.LlavaNextImageProcessorPil(
            size={"height": 24, "width": 24},
            crop_size={"height": 24, "width": 24},
            image_grid_pinpoints=grid,
        ),
        tokenizer=tokenizer,
        patch_size=8,
        vision_feature_select_strategy="full",
        chat_template="{%- if messages[0]['role'] == 'system' %}{%- else %}<|system|>\nA chat "
        "between a curious user and an artificial intelligence assistant.\n{%- endif %}"
        "{%- for message in messages %}{%- if message['role'] == 'user' %}<|user|>\n{% else %}"
        "<|assistant|>\n{% endif %}{%- for c in message['content'] %}{%- if c['type'] == 'image' %}"
        "{{- '<image>\n' }}{%- else %}{{- c['text'] }}{%- endif %}{%- endfor %}"
        "{%- if message['role'] == 'assistant' %}<|end_of_text|>{%- endif %}{{- '\n' }}"
        "{%- endfor %}{%- if add_generation_prompt %}<|assistant|>\n{%- endif %}",
    )
    config = configuration(
        "llava_next",
        tokenizer,
        image_token_index=of(tokenizer, "<image>")[0],
        image_grid_pinpoints=grid,
        vision_feature_select_strategy="full",
        vision_feature_layer=[-3, -2, -1],
        vision_config=SIGLIP,
        text_config={"model_type": "granite"},
    )
    hub_folder(folder, config, tokenizer, processor)


@family
def kimi_k25(folder):

    names = [
        "<|media_pad|>",
        "<|media_begin|>",
        "<|media_end|>",
        "<|media_content|>",
        "<|im_user|>",
        "<|im_assistant|>",
        "<|im_middle|>",
        "<|kimi_k25_video_placeholder|>",
        "<think>",
        "</think>",
    ]
    named = {"image_token": "<|media_pad|>", "video_token": "<|kimi_k25_video_placeholder|>"}
    tokenizer = bytelevel(
        *names,
        bos="[BOS]",
        eos="<|im_end|>",
        pad="[PAD]",
        kind="PreTrainedTokenizerFast",
        extra_special_tokens=named,
    )
    processor = hf.Kimi_K25Processor(
        image_processor=hf.Kimi_K25ImageProcessor(patch_size=4),
        tokenizer=tokenizer,
        video_processor=hf.Kimi_K25VideoProcessor(patch_size=4),
        chat_template=turns(
            "<|im_user|>user<|im_middle|>",
            "<|im_assistant|>assistant<|im_middle|>",
            "<|media_begin|>image<|media_content|><|media_pad|><|media_end|>\n",
            "<|im_end|>",
            after="",
            opening="<|im_assistant|>assistant<|im_middle|><think>",
        ),
    )
    image, video = of(tokenizer, *named.values())
    config = configuration(
        "kimi_k25",
        tokenizer,
        image_token_id=image,
        video_token_id=video,
        projection_hidden_size=32,
        vision_config={"patch_size": 4, "pos_emb_height": 8, "pos_emb_width": 8},
        text_config={"n_group": 1, "topk_group": 1, "num_key_value_heads": 2, "head_dim": 8},
    )
    hub_folder(folder, config, tokenizer, processor)


@family
def minicpmv4_6(folder):

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
    options = {"patch_size": 4, "scale_resolution": 32, "max_slice_nums": 4}
    processor = hf.MiniCPMV4_6Processor(
        image_processor=hf.MiniCPMV4_6ImageProcessorPil(**options),
        video_processor=hf.MiniCPMV4_6VideoProcessor(),
        tokenizer=tokenizer,
        chat_template=chatml("<|image_pad|>\n", system=""),
    )
    config = configuration(
        "minicpmv4_6",
        tokenizer,
        image_token_id=of(tokenizer, "<|image_pad|>")[0],
        video_token_id=of(tokenizer, "<|video_pad|>")[0],
        image_size=32,
        patch_size=4,
        insert_layer_id=0,
        vision_config={"image_size": 32, "patch_size": 4, "insert_layer_id": 0},
        text_config=QWEN35_TEXT,
    )
    hub_folder(folder, config, tokenizer, processor)
