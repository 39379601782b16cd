"""Inputs by the full processors of transformers; run apart, with torchvision on the path.

    python full_processors.py FOLDER_OF_TORCHVISION REQUEST.npz ANSWER.npz

The request holds images and, as JSON, checkpoint folders by model type and prompts; the answer
holds the inputs under "type/image/prompt/name". The package under test is not imported here.
"""

import json
import sys
from pathlib import Path

sys.path.append(sys.argv[1])

import torch

# The CPU build of torch has no operators of torchvision's own; it only looks whether they exist.
torch.library.define(
    "torchvision::nms", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
)
torch.library.define(
    "torchvision::qnms", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
)

import numpy as np  # noqa: E402
import torchvision  # noqa: E402, F401
import transformers as hf  # noqa: E402
from PIL import Image  # noqa: E402


def full_processor(kind: str, folder: str):
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    images = hf.AutoImageProcessor.from_pretrained(folder, backend="pil")
    assert type(images).__name__.endswith("Pil"), type(images)
    if kind == "llava":
        return hf.AutoProcessor.from_pretrained(folder, backend="pil")
    if kind == "internvl":
        template = json.loads(Path(folder, "chat_template.json").read_text())["chat_template"]
        videos = hf.InternVLVideoProcessor()
        return hf.InternVLProcessor(
            images, tokenizer, videos, image_seq_length=4, chat_template=template
        )
    if kind == "qwen3_vl":
        videos = hf.Qwen3VLVideoProcessor()
        return hf.Qwen3VLProcessor(images, tokenizer, videos, tokenizer.chat_template)
    videos = hf.Qwen2VLVideoProcessor()
    processor = {"qwen2_vl": hf.Qwen2VLProcessor, "qwen2_5_vl": hf.Qwen2_5_VLProcessor}[kind]
    return processor(images, tokenizer, videos, chat_template=tokenizer.chat_template)


def main() -> None:
    request = np.load(sys.argv[2])
    asked = json.loads(str(request["asked"]))
    images = {name: request[name] for name in request.files if name != "asked"}
    answer = {}
    for kind, folder in asked["folders"].items():
        processor = full_processor(kind, folder)
        for name, image in images.items():
            for number, prompt in enumerate(asked["prompts"]):
                content = [
                    {"type": "image", "image": Image.fromarray(image)},
                    {"type": "text", "text": prompt},
                ]
                inputs = processor.apply_chat_template(
                    [{"role": "user", "content": content}],
                    add_generation_prompt=True,
                    tokenize=True,
                    return_dict=True,
                    return_tensors="pt",
                )
                for key, value in inputs.items():
                    answer[f"{kind}/{name}/{number}/{key}"] = value.numpy()
    np.savez(sys.argv[3], **answer)


if __name__ == "__main__":
    main()
