"""GLM, ERNIE and PaddleOCR."""

import transformers as hf
from folders import MROPE, configuration, family, hub_folder, of
from formats import turns
from vocabularies import bytelevel, spm

GLM = (
    "[gMASK]",
    "<sop>",
    "<|user|>",
    "<|assistant|>",
    "<|begin_of_image|>",
    "<|image|>",
    "<|end_of_image|>",
    "<|begin_of_video|>",
    "<|video|>",
    "<|end_of_video|>",
    "<think>",
    "</think>",
)


def glm(folder, kind, processor_kind, images, video, *, text=None, opening="<|assistant|>\n"):

    tokenizer = bytelevel(
        *GLM, eos="<|endoftext|>", pad="<|endoftext|>", kind="PreTrainedTokenizerFast"
    )
    options = {"patch_size": 4, "merge_size": 2, "temporal_patch_size": 2}
    size = {"shortest_edge": 16 * 16, "longest_edge": 200 * 16 * 2}
    processor = getattr(hf, processor_kind)(
        image_processor=getattr(hf, images)(size=size, **options),
        tokenizer=tokenizer,
        video_processor=getattr(hf, video)(**options),
        chat_template=turns(
            "<|user|>\n",
            "<|assistant|>\n",
            "<|begin_of_image|><|image|><|end_of_image|>",
            "",
            bos="[gMASK]<sop>\n",
            opening=opening,
            after="",
            trim=False,
        ),
    )
    image, start, end, movie, movie_start, movie_end = of(
        tokenizer,
        "<|image|>",
        "<|begin_of_image|>",
        "<|end_of_image|>",
        "<|video|>",
        "<|begin_of_video|>",
        "<|end_of_video|>",
    )
    config = configuration(
        kind,
        tokenizer,
        image_token_id=image,
        video_token_id=movie,
        image_start_token_id=start,
        image_end_token_id=end,
        video_start_token_id=movie_start,
        video_end_token_id=movie_end,
        vision_config={"image_size": 32, "patch_size": 4},
        text_config={
            **MROPE,
            **(text or {}),
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": [2, 3, 3],
                "partial_rotary_factor": 1.0,
            },
        },
    )
    hub_folder(
        folder,
        config,
        tokenizer,
        processor,
        video_file=True,
        generation=of(tokenizer, "<|endoftext|>", "<|user|>"),
    )


@family
def glm4v(folder):
    glm(folder, "glm4v", "Glm4vProcessor", "Glm4vImageProcessorPil", "Glm4vVideoProcessor")


@family
def glm4v_moe(folder):
    glm(folder, "glm4v_moe", "Glm4vProcessor", "Glm4vImageProcessorPil", "Glm4vVideoProcessor")


@family
def glm46v(folder):
    glm(
        folder,
        "glm46v",
        "Glm46VProcessor",
        "Glm46VImageProcessorPil",
        "Glm46VVideoProcessor",
        opening="<|assistant|>\n<think>",
    )


@family
def glm_ocr(folder):
    glm(folder, "glm_ocr", "Glm46VProcessor", "Glm46VImageProcessorPil", "Glm46VVideoProcessor")


@family
def paddleocr_vl(folder):

    named = {"image_token": "<|IMAGE_PLACEHOLDER|>"}
    tokenizer = spm(
        "<|IMAGE_START|>",
        "<|IMAGE_END|>",
        "<|IMAGE_PLACEHOLDER|>",
        "<|begin_of_sentence|>",
        prefix=False,
        pad="<pad>",
        add_bos=False,
        extra_special_tokens=named,
    )
    processor = hf.PaddleOCRVLProcessor(
        image_processor=hf.PaddleOCRVLImageProcessorPil(
            patch_size=4, merge_size=2, size={"shortest_edge": 256, "longest_edge": 3200}
        ),
        tokenizer=tokenizer,
        chat_template=turns(
            "User: ",
            "Assistant: ",
            "<|IMAGE_START|><|IMAGE_PLACEHOLDER|><|IMAGE_END|>",
            "{% if message['role'] == 'user' %}\n{% else %}</s>{% endif %}",
            bos="<|begin_of_sentence|>",
            after="",
            trim=False,
        ),
    )
    image, start, end = of(tokenizer, "<|IMAGE_PLACEHOLDER|>", "<|IMAGE_START|>", "<|IMAGE_END|>")
    config = configuration(
        "paddleocr_vl",
        tokenizer,
        image_token_id=image,
        vision_start_token_id=start,
        vision_end_token_id=end,
        video_token_id=end,
        vision_config={"image_size": 32, "patch_size": 4},
        text_config=MROPE,
    )
    hub_folder(folder, config, tokenizer, processor)


@family
def ernie4_5_vl_moe(folder):

    named = {
        "image_token": "<|IMAGE_PLACEHOLDER|>",
        "image_start_token": "<|IMAGE_START|>",
        "image_end_token": "<|IMAGE_END|>",
        "video_token": "<|VIDEO_PLACEHOLDER|>",
        "video_start_token": "<|VIDEO_START|>",
        "video_end_token": "<|VIDEO_END|>",
    }
    tokenizer = spm(
        "<|begin_of_sentence|>",
        "<think>",
        "</think>",
        *named.values(),
        prefix=False,
        pad="<pad>",
        add_bos=False,
        extra_special_tokens=named,
    )
    options = {"patch_size": 4, "merge_size": 2}
    processor = hf.Ernie4_5_VLMoeProcessor(
        image_processor=hf.Ernie4_5_VLMoeImageProcessorPil(
            size={"shortest_edge": 256, "longest_edge": 3200}, **options
        ),
        tokenizer=tokenizer,
        video_processor=hf.Ernie4_5_VLMoeVideoProcessor(draw_on_frames=False, **options),
        chat_template=turns(
            "User: ",
            "Assistant: ",
            "Picture 1:<|IMAGE_START|><|IMAGE_PLACEHOLDER|><|IMAGE_END|>",
            "{% if message['role'] == 'user' %}\n{% else %}</s>{% endif %}",
            bos="<|begin_of_sentence|>",
            after="",
            opening="Assistant:\n<think>\n",
        ),
    )
    ids = of(tokenizer, *named.values())
    config = configuration(
        "ernie4_5_vl_moe",
        tokenizer,
        image_token_id=ids[0],
        image_start_token_id=ids[1],
        image_end_token_id=ids[2],
        video_token_id=ids[3],
        video_start_token_id=ids[4],
        video_end_token_id=ids[5],
        vision_config={"patch_size": 4},
        text_config={
            "moe_intermediate_size": [32, 16],
            "moe_k": 2,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": [3, 3, 2],
            },
        },
    )
    hub_folder(folder, config, tokenizer, processor, video_file=True)
