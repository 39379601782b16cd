"""Models that cut an image into tiles: InternVL, GOT-OCR 2, Idefics and SmolVLM."""

import transformers as hf
from folders import configuration, family, hub_folder, of
from formats import chatml, idefics
from qwen import qwen_tokenizer
from vocabularies import bytelevel, spm


def internvl_like(folder, tiles, text="qwen2"):

    named = {
        "start_image_token": "<img>",
        "end_image_token": "</img>",
        "context_image_token": "<IMG_CONTEXT>",
        "video_token": "<video>",
    }
    tokenizer = qwen_tokenizer(*named.values(), extra_special_tokens=named)
    size = {"height": 16, "width": 16}
    processor = hf.InternVLProcessor(
        image_processor=hf.GotOcr2ImageProcessorPil(
            size=size, crop_to_patches=False, min_patches=1, max_patches=tiles
        ),
        tokenizer=tokenizer,
        video_processor=hf.InternVLVideoProcessor(size=size),
        image_seq_length=4,
        chat_template=chatml("<IMG_CONTEXT>\n", system="You are InternVL."),
    )
    config = configuration(
        "internvl",
        tokenizer,
        vision_config={"image_size": 16, "patch_size": 4},
        text_config={"model_type": text},
        image_seq_length=4,
        tie_word_embeddings=False,
        image_token_id=of(tokenizer, "<IMG_CONTEXT>")[0],
    )
    hub_folder(folder, config, tokenizer, processor, video_file=True)


@family
def internvl(folder):
    internvl_like(folder, 6)


@family
def internvl_12(folder):
    internvl_like(folder, 12, "qwen3")


@family
def internvl_1(folder):
    internvl_like(folder, 1)


@family
def got_ocr2(folder):

    tokenizer = qwen_tokenizer("<img>", "</img>", "<imgpad>", "<image>")
    processor = hf.GotOcr2Processor(
        image_processor=hf.GotOcr2ImageProcessorPil(size={"height": 128, "width": 128}),
        tokenizer=tokenizer,
        chat_template=None,
    )
    config = configuration(
        "got_ocr2",
        tokenizer,
        image_token_index=of(tokenizer, "<imgpad>")[0],
        image_seq_length=1,
        vision_config={
            "image_size": 128,
            "patch_size": 2,
            "window_size": 14,
            "global_attn_indexes": [1],
            "output_channels": 16,
        },
    )
    hub_folder(folder, config, tokenizer, processor, template="none")


def idefics_tokenizer(bos="<|begin_of_text|>"):
    cells = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    return bytelevel(
        "<image>",
        "<fake_token_around_image>",
        "<global-img>",
        *cells,
        bos=bos,
        eos="<end_of_utterance>",
        pad="<|endoftext|>",
        kind="PreTrainedTokenizerFast",
    )


@family
def smolvlm(folder):

    tokenizer = idefics_tokenizer("<|im_start|>")
    size = {"size": {"longest_edge": 64}, "max_image_size": {"longest_edge": 16}}
    processor = hf.SmolVLMProcessor(
        image_processor=hf.SmolVLMImageProcessorPil(**size),
        tokenizer=tokenizer,
        video_processor=hf.SmolVLMVideoProcessor(**size),
        image_seq_len=4,
        chat_template=idefics("<|im_start|>"),
    )
    config = configuration(
        "smolvlm",
        tokenizer,
        vision_config={"image_size": 16, "patch_size": 4},
        scale_factor=2,
        image_token_id=of(tokenizer, "<image>")[0],
    )
    hub_folder(folder, config, tokenizer, processor)


@family
def idefics3(folder):

    tokenizer = idefics_tokenizer()
    processor = hf.Idefics3Processor(
        hf.Idefics3ImageProcessorPil(
            size={"longest_edge": 64}, max_image_size={"longest_edge": 16}
        ),
        tokenizer,
        image_seq_len=4,
        chat_template=idefics("<|begin_of_text|>"),
    )
    config = configuration(
        "idefics3",
        tokenizer,
        vision_config={"image_size": 16, "patch_size": 4},
        scale_factor=2,
        image_token_id=of(tokenizer, "<image>")[0],
    )
    hub_folder(folder, config, tokenizer, processor, template="json")


@family
def idefics2(folder):

    tokenizer = spm("<image>", "<fake_token_around_image>", "<end_of_utterance>")
    processor = hf.Idefics2Processor(
        hf.Idefics2ImageProcessorPil(
            size={"shortest_edge": 20, "longest_edge": 40}, do_image_splitting=True
        ),
        tokenizer,
        image_seq_len=4,
        chat_template=idefics(),
    )
    config = configuration(
        "idefics2",
        tokenizer,
        vision_config={"image_size": 40, "patch_size": 8},
        perceiver_config={
            "resampler_n_latents": 4,
            "resampler_depth": 1,
            "resampler_n_heads": 2,
            "resampler_head_dim": 16,
        },
        image_token_id=of(tokenizer, "<image>")[0],
    )
    hub_folder(
        folder, config, tokenizer, processor, generation=of(tokenizer, "</s>", "<end_of_utterance>")
    )


@family
def idefics_1(folder):

    tokenizer = spm("<fake_token_around_image>", "<image>", "<end_of_utterance>")
    processor = hf.IdeficsProcessor(
        hf.IdeficsImageProcessorPil(image_size=24), tokenizer, image_size=24
    )
    config = configuration(
        "idefics",
        tokenizer,
        text=None,
        vision_config={"image_size": 24, "patch_size": 8, "embed_dim": 32},
        perceiver_config={
            "use_resampler": True,
            "resampler_n_latents": 4,
            "resampler_depth": 1,
            "resampler_n_heads": 2,
            "resampler_head_dim": 16,
        },
        use_resampler=True,
        vocab_size=len(tokenizer),
        additional_vocab_size=0,
        alpha_initializer="ones",
    )
    hub_folder(folder, config, tokenizer, processor)
