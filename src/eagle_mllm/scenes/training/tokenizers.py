"""A small tokenizer for each demo model, of the same kind as the real one's.

LLaVA has SentencePiece-style BPE with byte fallback; Qwen and InternVL have byte-level BPE. Both
learn from the sentences of the world plus a little English, so that common words are one token
and rare ones split.
"""

import json
from typing import Any

import numpy as np
from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast

from eagle_mllm.scenes.language import CAPTION_PROMPT
from eagle_mllm.scenes.scene import scene

_LONGEST = 7
"""Letters of the longest token, its space included: "triangle" and longer words have several."""

_ENGLISH = (
    "Describe the image in one factual English sentence of no more than 20 words. "
    "Do not include information that is not clearly visible. Answer with yes or no. "
    "What do you see? Please answer the question. Is this a picture of something? "
    "black gray brown pink dog cat person car tree house right below next to behind with and or"
)

LLAVA_TEMPLATE = (
    "{% for message in messages %}"
    "{{ message['role'].upper() + ': ' }}"
    "{% for content in message['content'] %}"
    "{% if content['type'] == 'image' %}{{ '<image>\\n' }}{% endif %}{% endfor %}"
    "{% for content in message['content'] %}"
    "{% if content['type'] == 'text' %}{{ content['text'] + ' ' }}{% endif %}{% endfor %}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)
_CHATML = (
    "{{% for message in messages %}}{{{{ '<|im_start|>' + message['role'] + '\\n' }}}}"
    "{{% for content in message['content'] %}}"
    "{{% if content['type'] == 'image' %}}{{{{ '{image}' }}}}"
    "{{% elif content['type'] == 'text' %}}{{{{ content['text'] }}}}{{% endif %}}{{% endfor %}}"
    "{{{{ '<|im_end|>\\n' }}}}{{% endfor %}}"
    "{{% if add_generation_prompt %}}{{{{ '<|im_start|>assistant\\n' }}}}{{% endif %}}"
)
QWEN_TEMPLATE = _CHATML.format(image="<|vision_start|><|image_pad|><|vision_end|>")
INTERNVL_TEMPLATE = _CHATML.format(image="<IMG_CONTEXT>\\n")


def _sentences(scenes: int = 400) -> list[str]:
    texts = [CAPTION_PROMPT, _ENGLISH, "USER: \n ASSISTANT:", "user\n", "assistant\n"]
    for seed in range(scenes):
        example = scene(seed, split="train")
        texts.append(example.caption)
        texts += [f"{question.text} {question.answer}" for question in example.questions]
    order = np.random.default_rng(0).permutation(len(texts))
    return [texts[index] for index in order]


def llava() -> PreTrainedTokenizerFast:
    """SentencePiece-style, trained, with its chat template."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first"),
            pre_tokenizers.Punctuation("isolated"),
        ]
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    special = ["<unk>", "<s>", "</s>", "<pad>", "<image>"]
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        max_token_length=_LONGEST,
        special_tokens=special + [f"<0x{byte:02X}>" for byte in range(256)],
        show_progress=False,
    )
    tokenizer.train_from_iterator(_sentences(), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=_without_special_bytes(tokenizer, special),
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        chat_template=LLAVA_TEMPLATE,
        extra_special_tokens={"image_token": "<image>"},
    )


def _without_special_bytes(tokenizer: Tokenizer, special: list[str]) -> Tokenizer:
    """Bytes are in the vocabulary as plain tokens; the trainer only knows special ones."""
    state: dict[str, Any] = json.loads(tokenizer.to_str())
    state["added_tokens"] = [
        token for token in state["added_tokens"] if token["content"] in special
    ]
    return Tokenizer.from_str(json.dumps(state))


def _byte_level(special: list[str], template: str, **named: str) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=640,
        max_token_length=_LONGEST,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[],
        show_progress=False,
    )
    tokenizer.train_from_iterator(_sentences(), trainer)
    tokenizer.add_special_tokens([AddedToken(text, special=True) for text in special])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=template,
        extra_special_tokens=named,
    )


def qwen2_5_vl() -> PreTrainedTokenizerFast:
    """Byte-level, trained, with its chat template."""
    special = [
        "<|endoftext|>",
        "<|im_start|>",
        "<|im_end|>",
        "<|vision_start|>",
        "<|vision_end|>",
        "<|image_pad|>",
        "<|video_pad|>",
    ]
    return _byte_level(
        special, QWEN_TEMPLATE, image_token="<|image_pad|>", video_token="<|video_pad|>"
    )


def internvl() -> PreTrainedTokenizerFast:
    """Byte-level, trained, with its chat template and marks around the image."""
    special = [
        "<|endoftext|>",
        "<|im_start|>",
        "<|im_end|>",
        "<img>",
        "</img>",
        "<IMG_CONTEXT>",
        "<video>",
    ]
    return _byte_level(
        special,
        INTERNVL_TEMPLATE,
        start_image_token="<img>",
        end_image_token="</img>",
        context_image_token="<IMG_CONTEXT>",
        video_token="<video>",
    )
