"""Servers that speak as vLLM, SGLang and OpenAI do, with a model that only sees how bright it is.

They write down what they were asked. What a real vLLM says is tested by `make test-engines`.
"""

import base64
import io
import math

import numpy as np
from PIL import Image

VERSION, NAME = "0.32.0", "qwen"
BEST = 9
"""The id that these models would write themselves, wherever they are asked."""


def pixels_of(text):
    """The picture of a data URL, or of plain base64; it has to be a PNG."""
    raw = base64.b64decode(text.removeprefix("data:image/png;base64,"), validate=True)
    picture = Image.open(io.BytesIO(raw))
    assert picture.format == "PNG"
    return np.asarray(picture)


def log_probability(pixels, place):
    """Brighter is more probable, and later tokens are less so."""
    return math.log((1 + pixels.mean()) / 257) - place


class Vllm:
    """vLLM's routes over the tokenizer of a demo checkpoint.

    Args:
        family: of the checkpoint
        spoil: changes an answer before it is sent
        rows: what is done about scores of given rows: "ignored", "refused" or "given"
    """

    def __init__(self, family, end, *, spoil=lambda answer: answer, rows="ignored"):
        self.family, self.end, self.spoil, self.asked = family, end, spoil, []
        self.rows = rows

    def __call__(self, method, path, body):
        if path == "/version":
            return 200, {"version": VERSION}
        if path == "/v1/models":
            return 200, {"data": [{"id": NAME, "root": "folder"}]}
        if path == "/v1/chat/completions":
            return 200, self.spoil(self._chat(body))
        if path == "/inference/v1/generate":
            if self.rows == "refused" and "prompt_logprob_token_ids" in body["sampling_params"]:
                self.asked.append(body)
                return 400, {"error": {"message": "requires the V2 model runner"}}
            return 200, self.spoil(self._tokens(body))
        return 404, {"error": "Not Found"}

    def _chat(self, body):
        self.asked.append(body)
        user, *answer = body["messages"]
        image, text = user["content"]
        pixels = pixels_of(image["image_url"]["url"])
        prompt = self.family.encode(pixels, text["text"]).ids
        ids = self.family.chat.encode_answer(text["text"], answer[0]["content"]) if answer else ()
        return self._answer(pixels, prompt, ids, wanted=body)

    def _tokens(self, body):
        self.asked.append(body)
        pixels = pixels_of(body["content_parts"][0]["url"])
        prompt, ids = self.expected
        wanted = body["sampling_params"]
        rows = wanted.get("prompt_logprob_token_ids")
        if rows is None or self.rows == "ignored":
            return self._answer(pixels, prompt, ids, wanted=wanted)
        assert rows == [[token] for token in ids]
        assert len(rows) == len(prompt) + len(ids) - 1 - wanted["prompt_logprob_start"]
        scores = [[log_probability(pixels, place)] for place in range(len(ids))]
        told = io.BytesIO()
        np.save(told, np.array(scores, np.float32))
        return {"prompt_token_id_logprobs": base64.b64encode(told.getvalue()).decode()}

    def _answer(self, pixels, prompt, ids, *, wanted):
        def entry(token, place):
            value = log_probability(pixels, place)
            own = {"logprob": value, "rank": 2, "decoded_token": "x"}
            return {str(token): own, str(BEST): {"logprob": value / 2, "rank": 1}}

        entries = [None] + [entry(token, 0) for token in prompt[1:]]
        entries += [entry(token, place) for place, token in enumerate(ids)]
        listed = [
            {"token": f"token_id:{token}", "logprob": log_probability(pixels, len(ids)) + more}
            for token, more in ((self.end, -1), (BEST, 0))
        ]
        return {
            "prompt_token_ids": [*prompt, *ids],
            "prompt_logprobs": entries if wanted.get("prompt_logprobs") else None,
            "choices": [
                {
                    "token_ids": [BEST, self.end],
                    "logprobs": {"content": [{**listed[1], "top_logprobs": listed[:1]}]},
                }
            ],
        }


class OpenAI:
    """A closed model: the likeliest first tokens, whose order depends on the brightness."""

    def __init__(self, *, has_logprobs=True, limit="max_completion_tokens"):
        self.has_logprobs, self.limit, self.asked = has_logprobs, limit, []

    def __call__(self, method, path, body):
        if path == "/v1/models":
            return 200, {"data": [{"id": "gpt"}]}
        if path != "/v1/chat/completions":
            return 404, {}
        if self.limit not in body:
            return 400, {"error": {"message": "Unsupported: 'max_completion_tokens'"}}
        self.asked.append(body)
        pixels = pixels_of(body["messages"][0]["content"][0]["image_url"]["url"])
        yes = (1 + pixels.mean()) / 257
        listed = [{"token": "Yes", "logprob": math.log(yes)}]
        listed += [{"token": "No", "logprob": math.log(1 - yes)}]
        listed.sort(key=lambda one: -one["logprob"])
        content = [{**listed[0], "top_logprobs": listed}]
        if body[self.limit] > 1:
            content.append({"token": ", it is.", "logprob": -0.1, "top_logprobs": []})
        text = "".join(one["token"] for one in content)
        choice = {"message": {"content": text}}
        if self.has_logprobs:
            choice["logprobs"] = {"content": content}
        return 200, {"choices": [choice]}


class SGLang:
    """SGLang's own route, as its specification has it."""

    def __init__(self, family):
        self.family, self.asked = family, []

    def __call__(self, method, path, body):
        if path == "/get_model_info":
            return 200, {"model_path": "folder"}
        if path == "/get_server_info":
            return 200, {"version": "0.5"}
        if path == "/v1/models":
            return 200, {"data": [{"id": NAME}]}
        if path != "/generate":
            return 404, {}
        self.asked.append(body)
        pixels = pixels_of(body["image_data"])
        prompt, ids = self.expected
        values = [None] + [log_probability(pixels, 0)] * (len(prompt) - 1)
        values += [log_probability(pixels, place) for place in range(len(ids))]
        tokens = [*prompt, *ids]
        wanted = body.get("token_ids_logprob", [])
        return 200, {
            "meta_info": {
                "input_token_logprobs": [
                    [value, token, None] for value, token in zip(values, tokens, strict=True)
                ],
                "input_top_logprobs": [None] + [[[-0.1, BEST, None]] for _ in tokens[1:]],
                "output_token_logprobs": [[-0.1, BEST, None]],
                "output_top_logprobs": [[[-0.1, BEST, None]]],
                "output_token_ids_logprobs": [[[-2.0, token, None] for token in wanted]],
            }
        }
