"""Checkpoints of the real architectures, a few thousand weights each, made on the spot.

Each is an ordinary folder: weights, tokenizer, image processor, chat template. The weights are
random at first; a short training on three pictures makes the models look at the image and write
one of three sentences, so that probabilities are neither flat nor certain.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers as hf
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

PROMPT = "Describe the image."
ANSWERS = ("A red cat sits on the mat.", "Two blue dogs run in a field.", "It is dark.")
SIZE = (40, 28)
_CORPUS = [*ANSWERS, PROMPT, "USER: ASSISTANT: system user assistant You are a helpful one."] * 8

LLAVA_TEMPLATE = (
    "{% for message in messages %}{{ message['role'].upper() + ': ' }}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}"
    "{{ '<image>\n' }}{% endfor %}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}"
    "{{ content['text'] + ' ' }}{% endfor %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)


def _chatml(image: str) -> str:
    return (
        "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}"
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
        "<|im_start|>{{ message['role'] }}\n{% if message['content'] is string %}"
        "{{ message['content'] }}{% else %}{% for content in message['content'] %}"
        "{% if content['type'] == 'image' %}" + image + "{% elif 'text' in content %}"
        "{{ content['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )


IDEFICS_TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}"
    "{% if message['content'][0]['type'] == 'image' %}:{% else %}: {% endif %}"
    "{% for line in message['content'] %}{% if line['type'] == 'text' %}{{ line['text'] }}"
    "{% elif line['type'] == 'image' %}<image>{% endif %}{% endfor %}<end_of_utterance>\n"
    "{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)


def byte_level_tokenizer(*specials: str, end: str = "<|im_end|>", **extra: Any) -> Any:
    """Byte-level BPE, as Qwen's."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    names = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *specials]
    tokenizer.train_from_iterator(
        _CORPUS,
        trainers.BpeTrainer(
            vocab_size=400,
            special_tokens=names,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return hf.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=end, pad_token="<|endoftext|>", **extra
    )


def sentencepiece_tokenizer(*specials: str) -> Any:
    """BPE with word-start marks and byte pieces, as Llama's."""
    trained = Tokenizer(models.BPE())
    trained.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    trained.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    trained.train_from_iterator(_CORPUS, trainers.BpeTrainer(vocab_size=150, show_progress=False))
    model = json.loads(trained.to_str())["model"]
    pieces = ["<unk>", "<s>", "</s>", *[f"<0x{byte:02X}>" for byte in range(256)]]
    pieces += sorted(model["vocab"], key=model["vocab"].__getitem__)
    tokenizer = Tokenizer(
        models.BPE(
            vocab={piece: index for index, piece in enumerate(pieces)},
            merges=[tuple(pair) for pair in model["merges"]],
            unk_token="<unk>",
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    tokenizer.normalizer = trained.normalizer
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 1)]
    )
    return hf.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<unk>",
        additional_special_tokens=list(specials),
    )


_TINY = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
_HEADS = {"num_attention_heads": 2}
_TEXT = {**_TINY, **_HEADS, "num_key_value_heads": 2, "max_position_embeddings": 2048}


def llava(folder: Path) -> None:
    """LLaVA 1.5: CLIP and Llama; 24 x 24 centre crop, 9 image tokens."""
    tokenizer = sentencepiece_tokenizer("<image>")
    image_processor = hf.CLIPImageProcessorPil(
        size={"shortest_edge": 24}, crop_size={"height": 24, "width": 24}
    )
    config = hf.LlavaConfig(
        vision_config={
            **_TINY,
            **_HEADS,
            "model_type": "clip_vision_model",
            "image_size": 24,
            "patch_size": 8,
        },
        text_config={"model_type": "llama", **_TEXT, "vocab_size": len(tokenizer)},
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=9,
    )
    processor = hf.LlavaProcessor(
        image_processor,
        tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=LLAVA_TEMPLATE,
    )
    processor.save_pretrained(folder)
    _save(hf.LlavaForConditionalGeneration, config, tokenizer, folder)


def _qwen_tokenizer() -> Any:
    return byte_level_tokenizer(
        "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"
    )


def _qwen(folder: Path, *, config: type, model: type, vision: dict[str, Any], patch: int) -> None:
    tokenizer = _qwen_tokenizer()
    tokenizer.chat_template = _chatml("<|vision_start|><|image_pad|><|vision_end|>")
    tokenizer.save_pretrained(folder)
    hf.Qwen2VLImageProcessorPil(
        patch_size=patch,
        merge_size=2,
        temporal_patch_size=2,
        size={"shortest_edge": 16 * patch**2, "longest_edge": 100 * patch**2},
    ).save_pretrained(folder)
    tokens = {
        f"{name}_token_id": tokenizer.convert_tokens_to_ids(token)
        for name, token in {
            "image": "<|image_pad|>",
            "video": "<|video_pad|>",
            "vision_start": "<|vision_start|>",
            "vision_end": "<|vision_end|>",
        }.items()
    }
    settings = config(
        vision_config={"patch_size": patch, "num_heads": 2, "depth": 2, **vision},
        text_config={
            **_TEXT,
            "vocab_size": len(tokenizer),
            "head_dim": 16,
            "rope_parameters": {"rope_type": "default", "mrope_section": [2, 3, 3]},
        },
        **tokens,
    )
    _save(model, settings, tokenizer, folder)


def qwen2_5_vl(folder: Path) -> None:
    """Qwen2.5-VL, with window attention in its first vision layer."""
    vision = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "out_hidden_size": 32,
        "window_size": 16,
        "fullatt_block_indexes": [1],
    }
    _qwen(
        folder,
        config=hf.Qwen2_5_VLConfig,
        model=hf.Qwen2_5_VLForConditionalGeneration,
        vision=vision,
        patch=4,
    )


def qwen2_vl(folder: Path) -> None:
    """Qwen2-VL."""
    _qwen(
        folder,
        config=hf.Qwen2VLConfig,
        model=hf.Qwen2VLForConditionalGeneration,
        vision={"embed_dim": 32, "hidden_size": 32, "mlp_ratio": 2},
        patch=4,
    )


def qwen3_vl(folder: Path) -> None:
    """Qwen3-VL, with deep-stacked vision features."""
    vision = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "out_hidden_size": 32,
        "num_position_embeddings": 64,
        "deepstack_visual_indexes": [0],
    }
    _qwen(
        folder,
        config=hf.Qwen3VLConfig,
        model=hf.Qwen3VLForConditionalGeneration,
        vision=vision,
        patch=4,
    )


def internvl(folder: Path) -> None:
    """InternVL: tiles of 16 x 16, four tokens each; the template lies with the processor alone."""
    tokenizer = byte_level_tokenizer(
        "<img>",
        "</img>",
        "<IMG_CONTEXT>",
        "<video>",
        extra_special_tokens={
            "start_image_token": "<img>",
            "end_image_token": "</img>",
            "context_image_token": "<IMG_CONTEXT>",
            "video_token": "<video>",
        },
    )
    tokenizer.save_pretrained(folder)
    template = {"chat_template": _chatml("<IMG_CONTEXT>\n")}
    (folder / "chat_template.json").write_text(json.dumps(template))
    hf.GotOcr2ImageProcessorPil(size={"height": 16, "width": 16}, max_patches=6).save_pretrained(
        folder
    )
    config = hf.InternVLConfig(
        vision_config={**_TINY, **_HEADS, "image_size": 16, "patch_size": 4},
        text_config={"model_type": "qwen2", **_TEXT, "vocab_size": len(tokenizer)},
        image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=4,
        tie_word_embeddings=False,
    )
    _save(hf.InternVLForConditionalGeneration, config, tokenizer, folder)


def llava_next(folder: Path) -> None:
    """LLaVA-NeXT: a base picture and tiles at the best of three resolutions."""
    tokenizer = sentencepiece_tokenizer("<image>")
    grid = [[24, 48], [48, 24], [48, 48]]
    processor = hf.LlavaNextProcessor(
        hf.LlavaNextImageProcessorPil(
            size={"shortest_edge": 24},
            crop_size={"height": 24, "width": 24},
            image_grid_pinpoints=grid,
        ),
        tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=LLAVA_TEMPLATE,
    )
    processor.save_pretrained(folder)
    config = hf.LlavaNextConfig(
        vision_config={
            **_TINY,
            **_HEADS,
            "model_type": "clip_vision_model",
            "image_size": 24,
            "patch_size": 8,
        },
        text_config={"model_type": "llama", **_TEXT, "vocab_size": len(tokenizer)},
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_grid_pinpoints=grid,
    )
    _save(hf.LlavaNextForConditionalGeneration, config, tokenizer, folder)


def idefics3(folder: Path) -> None:
    """Idefics3: tiles with a pixel mask, image tokens laid out in rows and columns."""
    tokenizer = byte_level_tokenizer(
        "<image>",
        "<fake_token_around_image>",
        "<global-img>",
        *[f"<row_{row}_col_{column}>" for row in range(1, 4) for column in range(1, 4)],
        end="<end_of_utterance>",
        bos_token="<|im_start|>",
    )
    processor = hf.Idefics3Processor(
        hf.Idefics3ImageProcessorPil(
            size={"longest_edge": 32}, max_image_size={"longest_edge": 16}
        ),
        tokenizer,
        image_seq_len=4,
        chat_template=IDEFICS_TEMPLATE,
    )
    processor.save_pretrained(folder)
    config = hf.Idefics3Config(
        vision_config={**_TINY, **_HEADS, "image_size": 16, "patch_size": 4},
        text_config={"model_type": "llama", **_TEXT, "vocab_size": len(tokenizer)},
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        scale_factor=2,
    )
    _save(hf.Idefics3ForConditionalGeneration, config, tokenizer, folder)


def paligemma(folder: Path) -> None:
    """PaliGemma: no chat template; the prompt is read in both directions, the answer in one."""
    tokenizer = sentencepiece_tokenizer("<image>")
    tokenizer.add_bos_token = False
    image_processor = hf.SiglipImageProcessorPil(size={"height": 16, "width": 16})
    image_processor.image_seq_length = 4
    processor = hf.PaliGemmaProcessor(image_processor, tokenizer)
    processor.save_pretrained(folder)
    config = hf.PaliGemmaConfig(
        vision_config={
            **_TINY,
            **_HEADS,
            "model_type": "siglip_vision_model",
            "image_size": 16,
            "patch_size": 8,
            "projection_dim": 32,
            "vision_use_head": False,
        },
        text_config={"model_type": "gemma", **_TEXT, "vocab_size": len(tokenizer), "head_dim": 16},
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        projection_dim=32,
        hidden_size=32,
    )
    _save(hf.PaliGemmaForConditionalGeneration, config, tokenizer, folder)


def gemma3(folder: Path) -> None:
    """Gemma 3: image tokens see each other in both directions."""
    tokenizer = byte_level_tokenizer(
        "<start_of_image>",
        "<end_of_image>",
        "<image_soft_token>",
        extra_special_tokens={
            "boi_token": "<start_of_image>",
            "eoi_token": "<end_of_image>",
            "image_token": "<image_soft_token>",
        },
    )
    processor = hf.Gemma3Processor(
        hf.Gemma3ImageProcessorPil(size={"height": 16, "width": 16}),
        tokenizer,
        image_seq_length=4,
        chat_template=_chatml("<start_of_image>"),
    )
    processor.save_pretrained(folder)
    config = hf.Gemma3Config(
        vision_config={**_TINY, **_HEADS, "image_size": 16, "patch_size": 4},
        text_config={**_TEXT, "vocab_size": len(tokenizer), "head_dim": 16, "sliding_window": 16},
        image_token_index=tokenizer.image_token_id,
        boi_token_index=tokenizer.boi_token_id,
        eoi_token_index=tokenizer.eoi_token_id,
        mm_tokens_per_image=4,
    )
    _save(hf.Gemma3ForConditionalGeneration, config, tokenizer, folder)


def mllama(folder: Path) -> None:
    """Llama 3.2 Vision: the text attends to the image across, through a mask for each token."""
    tokenizer = byte_level_tokenizer("<|image|>", bos_token="<|endoftext|>")
    processor = hf.MllamaProcessor(
        hf.MllamaImageProcessorPil(size={"height": 16, "width": 16}, max_image_tiles=4),
        tokenizer,
        chat_template="{{ bos_token }}" + _chatml("<|image|>"),
    )
    processor.save_pretrained(folder)
    config = hf.MllamaConfig(
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_global_layers": 1,
            "attention_heads": 2,
            "image_size": 16,
            "patch_size": 8,
            "max_num_tiles": 4,
            "intermediate_layers_indices": [0, 1],
            "vision_output_dim": 96,
        },
        text_config={
            **_TEXT,
            "num_hidden_layers": 3,
            "cross_attention_layers": [1],
            "vocab_size": len(tokenizer),
            "bos_token_id": 0,
            "eos_token_id": 2,
            "pad_token_id": 0,
        },
        image_token_index=tokenizer.convert_tokens_to_ids("<|image|>"),
    )
    _save(hf.MllamaForConditionalGeneration, config, tokenizer, folder)


def pixtral(folder: Path) -> None:
    """Pixtral 12B: `model_type` llava, rows of patches that end with a token."""
    tokenizer = byte_level_tokenizer("[INST]", "[/INST]", "[IMG]", "[IMG_BREAK]", "[IMG_END]")
    tokenizer.chat_template = (
        "{% for message in messages %}{% if message['role'] == 'user' %}[INST]"
        "{% for part in message['content'] %}{% if part['type'] == 'image' %}[IMG]"
        "{% else %}{{ part['text'] }}{% endif %}{% endfor %}[/INST]"
        "{% else %}{{ message['content'][0]['text'] + eos_token }}{% endif %}{% endfor %}"
    )
    tokenizer.save_pretrained(folder)
    hf.PixtralImageProcessorPil(size={"longest_edge": 64}, patch_size=8).save_pretrained(folder)
    settings = {"processor_class": "PixtralProcessor", "patch_size": 8}
    (folder / "processor_config.json").write_text(json.dumps(settings))
    config = hf.LlavaConfig(
        vision_config={
            **_TINY,
            **_HEADS,
            "model_type": "pixtral",
            "head_dim": 16,
            "image_size": 64,
            "patch_size": 8,
        },
        text_config={
            "model_type": "mistral",
            **_TEXT,
            "head_dim": 16,
            "vocab_size": len(tokenizer),
        },
        image_token_index=tokenizer.convert_tokens_to_ids("[IMG]"),
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
        image_seq_length=1,
    )
    _save(hf.LlavaForConditionalGeneration, config, tokenizer, folder)


def _word_piece_tokenizer(*specials: str) -> Any:
    base = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=200, special_tokens=[*base, *specials], show_progress=False
    )
    tokenizer.train_from_iterator(_CORPUS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")],
    )
    return hf.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


_SMALL_VISION = {**_TINY, **_HEADS, "image_size": 16, "patch_size": 8}


def blip(folder: Path) -> None:
    """BLIP: no template, and a `generate` that rewrites what its tokenizer wrote."""
    tokenizer = _word_piece_tokenizer("[DEC]")
    images = hf.BlipImageProcessorPil(size={"height": 16, "width": 16})
    hf.BlipProcessor(images, tokenizer).save_pretrained(folder)
    start, end = tokenizer.convert_tokens_to_ids(["[DEC]", "[SEP]"])
    ends = {"bos_token_id": start, "eos_token_id": end, "sep_token_id": end, "pad_token_id": 0}
    config = hf.BlipConfig(
        vision_config=_SMALL_VISION,
        text_config={
            **_TINY,
            **_HEADS,
            **ends,
            "encoder_hidden_size": 32,
            "vocab_size": len(tokenizer),
            "max_position_embeddings": 128,
        },
        image_text_hidden_size=32,
        projection_dim=32,
    )
    _save(hf.BlipForConditionalGeneration, config, tokenizer, folder, end=end, spread=0.3)


def git(folder: Path) -> None:
    """GIT: the places of the image stand in front of the ids, inside the model."""
    tokenizer = _word_piece_tokenizer()
    images = hf.CLIPImageProcessorPil(
        size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}
    )
    hf.GitProcessor(images, tokenizer).save_pretrained(folder)
    start, end = tokenizer.convert_tokens_to_ids(["[CLS]", "[SEP]"])
    config = hf.GitConfig(
        **_TINY,
        **_HEADS,
        vision_config=_SMALL_VISION,
        vocab_size=len(tokenizer),
        max_position_embeddings=128,
        bos_token_id=start,
        eos_token_id=end,
        pad_token_id=0,
    )
    _save(hf.GitForCausalLM, config, tokenizer, folder, end=end)


UNTRAINED: dict[str, Callable[[Path], None]] = {
    builder.__name__: builder for builder in (pixtral, blip, git)
}

BUILDERS: dict[str, Callable[[Path], None]] = {
    builder.__name__: builder
    for builder in (
        llava,
        qwen2_vl,
        qwen2_5_vl,
        qwen3_vl,
        internvl,
        llava_next,
        idefics3,
        paligemma,
        gemma3,
        mllama,
    )
}


def picture(index: int) -> np.ndarray:
    """One of the pictures: noise on red, noise on blue, or black; higher than wide."""
    if index == 2:
        return np.zeros((*SIZE, 3), np.uint8)
    noise = np.random.default_rng(index).integers(0, 120, size=(*SIZE, 3))
    noise[..., 0 if index == 0 else 2] += 130
    return noise.astype(np.uint8)


def train(module: Any, steps: list[dict[str, torch.Tensor]]) -> None:
    """Teach a model its sentences; each step holds the arguments of one forward.

    A model that takes no notice of the picture can still get the loss of the longest sentence down
    to ln(3) / 10, by guessing its first token among three: what counts as learnt lies below that,
    for all sentences after the same step.
    """
    module.train()
    optimizer = torch.optim.AdamW(module.parameters(), lr=4e-3)
    for _ in range(1000):
        losses = []
        for step in steps:
            optimizer.zero_grad()
            loss = module(**step).loss
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        if max(losses) < 0.05 and _largest_loss(module, steps) < 0.02:
            break
    else:
        raise AssertionError(f"{type(module).__name__} has not learnt its sentences: {losses}")
    module.eval()


@torch.no_grad()
def _largest_loss(module: Any, steps: list[dict[str, torch.Tensor]]) -> float:
    return max(module(**step).loss.item() for step in steps)


def _save(
    model: type,
    config: Any,
    tokenizer: Any,
    folder: Path,
    *,
    end: int | None = None,
    spread: float | None = None,
) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = model(config)
        if spread is not None:  # with usual weights a picture makes no difference
            for weight in module.parameters():
                if weight.ndim > 1:
                    torch.nn.init.normal_(weight, std=spread)
    module.generation_config.eos_token_id = tokenizer.eos_token_id if end is None else end
    module.generation_config.pad_token_id = tokenizer.pad_token_id
    module.save_pretrained(folder)
