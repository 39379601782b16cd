"""Probabilities without the package: a model's own processor, and `generate` made to write.

It shares no code with the package under test: the masked picture goes through the family's own
processor (`apply_chat_template`), `generate` is forced to write the answer, and the probabilities
are the softmax of its raw logits; or, where `generate` cannot be forced, of one forward.
"""

import numpy as np
import torch
import transformers as hf
from PIL import Image
from vocabularies import PROMPT

_GOT = (
    "<|im_start|>system\nYou should follow the instructions carefully and explain your answers in "
    "detail.<|im_end|><|im_start|>user\n<img><imgpad></img>\n" + PROMPT + "<|im_end|>"
    "<|im_start|>assistant\n"
)
_BARE = {
    "paligemma": f"<image>{PROMPT}",
    "paligemma2": f"<image>{PROMPT}",
    "chameleon": f"<image>{PROMPT}",
    "gemma3_pt": f"<start_of_image>{PROMPT}",
    "qwen2_vl_base": f"<|vision_start|><|image_pad|><|vision_end|>{PROMPT}",
    "got_ocr2": _GOT,
}
"""What a model without a chat template is asked, by checkpoint; else the prompt as it is."""

_CLASSES = {
    "qwen2_5_omni": "Qwen2_5OmniThinkerForConditionalGeneration",
    "qwen3_omni_moe": "Qwen3OmniMoeThinkerForConditionalGeneration",
    "phi4_multimodal": "Phi4MultimodalForCausalLM",
}
"""The class of a checkpoint that the auto class for images and text does not know."""

_ASKED = {"cosmos3_edge": {"return_mm_token_type_ids": True}}
"""What a processor returns only when it is asked, although its model needs it."""

_CONTINUED = (
    "attention_mask",
    "token_type_ids",
    "mm_token_type_ids",
    "cross_attention_mask",
    "image_embeds_position_mask",
)


class Forced(hf.LogitsProcessor):
    """Makes `generate` write given ids, and keeps its logits."""

    def __init__(self, ids):
        self.ids, self.rows = ids, []

    def __call__(self, input_ids, scores):
        """All but the next id are impossible."""
        del input_ids
        forced = torch.full_like(scores, -float("inf"))
        forced[:, self.ids[len(self.rows)]] = 0
        self.rows.append(scores[0].double())
        return forced


class Reference:
    """A checkpoint as transformers alone would use it.

    Args:
        name: of the checkpoint
        folder: where it is
        backend: of its image processor, "pil" or "torchvision"
    """

    def __init__(self, name, folder, *, backend):
        self.name = name
        kind = getattr(hf, _CLASSES.get(name, "AutoModelForImageTextToText"))
        self.module = kind.from_pretrained(folder, dtype=torch.float32).eval()
        self.processor = hf.AutoProcessor.from_pretrained(folder)
        self.processor.image_processor = hf.AutoImageProcessor.from_pretrained(
            folder, backend=backend
        )
        if name == "fuyu":
            cutting_tensors(self.processor.image_processor)
        self.template = self.processor.chat_template or self.processor.tokenizer.chat_template

    def inputs(self, picture):
        """What the processor makes of a picture and the prompt."""
        processor, template = self.processor, self.template
        if template:
            content = [{"type": "image", "image": picture}, {"type": "text", "text": PROMPT}]
            made = processor.apply_chat_template(
                [{"role": "user", "content": content}],
                chat_template=template,
                add_generation_prompt=True,
                tokenize=True,
                return_dict=True,
                return_tensors="pt",
                processor_kwargs=_ASKED.get(self.name, {}),
            )
        else:
            text = _BARE.get(self.name, PROMPT)
            made = processor(images=picture, text=text, return_tensors="pt")
        # Llama 4's processor makes bfloat16, whatever the weights are.
        return {
            key: value.float() if torch.is_tensor(value) and value.is_floating_point() else value
            for key, value in dict(made).items()
            if key != "labels"
        }

    def closing(self, rendered):
        """The ids that are behind the generation prompt where an answer is given.

        Args:
            rendered: the text before the answer
        """
        processor = self.processor
        if not self.template:
            return []
        content = [{"type": "image"}, {"type": "text", "text": PROMPT}]
        asked = processor.apply_chat_template(
            [{"role": "user", "content": content}],
            chat_template=self.template,
            add_generation_prompt=True,
            tokenize=False,
        )
        short, long = (
            processor.tokenizer.encode(text, add_special_tokens=False) for text in (asked, rendered)
        )
        return long[len(short) :] if long[: len(short)] == short else []

    def generate(self, inputs, **options):
        """Its own `generate`, greedy."""
        inputs = dict(inputs)
        if self.name == "git":  # its generate takes no token types
            inputs.pop("token_type_ids", None)
        if self.name == "blip":  # names its own ends
            options.pop("eos_token_id", None)
        return self.module.generate(
            **inputs,
            do_sample=False,
            num_beams=1,
            repetition_penalty=1.0,
            no_repeat_ngram_size=0,
            min_length=0,
            **options,
        )

    def answer(self, picture, *, n_tokens):
        """The ids that the model itself writes, read from its logits."""
        made = self.generate(
            self.inputs(picture),
            max_new_tokens=n_tokens,
            eos_token_id=self.module.generation_config.eos_token_id,
            return_dict_in_generate=True,
            output_logits=True,
        )
        return [int(row[0].argmax()) for row in made.logits]

    def log_probability(self, picture, ids):
        """(tokens,) log p of ids behind the prompt about a picture."""
        inputs = self.inputs(picture)
        try:
            forced = Forced(ids)
            self.generate(
                inputs,
                max_new_tokens=len(ids),
                eos_token_id=-1,
                logits_processor=hf.LogitsProcessorList([forced]),
            )
            logits = torch.stack(forced.rows)
        except (RuntimeError, ValueError, TypeError):
            logits = self._forward(inputs, ids)
        return logits.log_softmax(-1)[range(len(ids)), ids].numpy()

    @torch.no_grad()
    def _forward(self, inputs, ids):
        length = inputs["input_ids"].shape[1]
        given = dict(inputs)
        given["input_ids"] = torch.cat([inputs["input_ids"], torch.tensor([ids])], dim=1)
        for key in _CONTINUED:
            value = inputs.get(key)
            if value is not None and value.shape[1] == length:
                tail = value[:, -1:].repeat(1, len(ids), *[1] * (value.ndim - 2))
                given[key] = torch.cat([value, tail if "attention" in key else tail * 0], dim=1)
        logits = self.module(**given, use_cache=False).logits[0]
        return logits[-len(ids) - 1 : -1].double()


def cutting_tensors(images):
    """Fuyu's processor cuts tensors by a method that Pillow's image processor has for arrays."""
    for_arrays = images.patchify_image

    def cut(image, **named):
        if isinstance(image, np.ndarray):
            return for_arrays(image, **named)
        return hf.FuyuImageProcessor.patchify_image(images, image, **named)

    images.patchify_image = cut


def masked(picture, labels, shown):
    """The picture with the regions that are not shown in black."""
    hidden = np.where(shown[labels][..., None], np.asarray(picture), 0)
    return Image.fromarray(hidden.astype(np.uint8))
