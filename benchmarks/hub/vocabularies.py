"""Small vocabularies of the kinds that multimodal models have, trained on a few sentences."""

import json

import transformers as hf
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

PROMPT, ANSWER = "Describe the image.", "a small answer text"
CORPUS = [
    PROMPT,
    ANSWER,
    "USER: ASSISTANT: User: Assistant: system user assistant model You are a helpful assistant.",
    "A red cat sits on the mat. Two blue dogs run in a field.",
] * 8
QWEN_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def bytelevel(
    *specials,
    bos=None,
    eos,
    pad,
    unk=None,
    add_bos=False,
    kind="Qwen2Tokenizer",
    template=None,
    **extra,
):
    """Byte-level BPE with the split of Qwen and Llama 3."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN_SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    names = list(dict.fromkeys(t for t in (pad, bos, eos, unk, *specials) if t))
    tokenizer.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(
            vocab_size=320,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    _mark(tokenizer, names, first=bos if add_bos else None)
    made = hf.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=bos,
        eos_token=eos,
        pad_token=pad,
        unk_token=unk,
        chat_template=template,
        **extra,
    )
    made.hub_kind = kind
    return made


def _mark(tokenizer, specials, *, first):
    """Add special tokens, and put the first one, if any, before every text."""
    tokenizer.add_special_tokens(
        [AddedToken(name, special=True, normalized=False) for name in specials]
    )
    if first:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{first} $A",
            pair=f"{first} $A {first} $B",
            special_tokens=[(first, tokenizer.token_to_id(first))],
        )


def spm(
    *specials,
    bos="<s>",
    eos="</s>",
    unk="<unk>",
    pad=None,
    prefix=True,
    add_bos=True,
    pieces=(),
    kind="LlamaTokenizerFast",
    template=None,
    **extra,
):
    """BPE with word-start marks and byte pieces: Llama 1 and 2 (prefix) or Gemma (none).

    `pieces` are words that are in the vocabulary as they are, without being special.
    """
    steps = [normalizers.Prepend("▁")] if prefix else []
    normalizer = normalizers.Sequence([*steps, normalizers.Replace(" ", "▁")])
    trained = Tokenizer(models.BPE())
    trained.normalizer = normalizer
    trained.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    trained.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=150, show_progress=False))
    model = json.loads(trained.to_str())["model"]
    first = [unk, bos, eos] if prefix else [pad or "<pad>", eos, bos, unk]
    vocabulary = [*first, *[f"<0x{byte:02X}>" for byte in range(256)]]
    vocabulary += sorted(model["vocab"], key=model["vocab"].__getitem__)
    grown = [piece[:end] for piece in pieces for end in range(1, len(piece) + 1)]
    vocabulary += [*grown, *"".join(pieces)]
    merges = [(part[:-1], part[-1]) for part in grown if len(part) > 1]
    merges += [tuple(pair) for pair in model["merges"]]
    tokenizer = Tokenizer(
        models.BPE(
            vocab={piece: index for index, piece in enumerate(dict.fromkeys(vocabulary))},
            merges=merges,
            unk_token=unk,
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    tokenizer.normalizer = normalizer
    if not prefix:
        tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    strip = [decoders.Strip(" ", 1, 0)] if prefix else []
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *strip]
    )
    names = list(dict.fromkeys(t for t in (bos, eos, unk, pad, *specials) if t))
    _mark(tokenizer, names, first=bos if add_bos else None)
    made = hf.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token=unk,
        bos_token=bos,
        eos_token=eos,
        pad_token=pad or unk,
        chat_template=template,
        **extra,
    )
    made.hub_kind = kind
    return made


def wordpiece(*specials, kind="BertTokenizer"):
    """Lower-case WordPiece with [CLS] and [SEP], as BERT's."""
    base = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.train_from_iterator(
        CORPUS,
        trainers.WordPieceTrainer(
            vocab_size=200, special_tokens=[*base, *specials], show_progress=False
        ),
    )
    ids = [(t, tokenizer.token_to_id(t)) for t in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ids
    )
    made = hf.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )
    made.hub_kind = kind
    return made
