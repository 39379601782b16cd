"""What detectors are compared with: the floor, white-box classics, and VCD's noised image."""

from typing import Any

import numpy as np

from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.white_box import white_box_of
from eagle_mllm.hallucination.claims import Claim


def white(model: Any, generation: Any, claim: Claim) -> dict[str, float]:
    """The floor and the white-box classics: larger where the claim is supported."""
    look = white_box_of(model, generation, claim.target)
    ids = list(range(model.module.config.text_config.vocab_size))
    at = look.n_prompt - 1 + claim.target.positions[0]
    last = _softmax(look.lens(ids))
    row = last[at]
    noun = claim.phrase.split()[-1]
    token = generation.encode(f"There is a {noun}.")[-2] if claim.verdict else claim.target.ids[0]
    n = look.n_layers
    seen = np.stack(
        [_softmax(look.lens(ids, layer=layer))[look.image_positions, token] for layer in range(n)]
        + [last[look.image_positions, token]]
    )
    middle = list(range(n // 3, max(n // 3 + 1, 2 * n // 3 + 1)))
    attention = float(look.attention(middle)[:, 0].sum(axis=-1).mean())
    sign = -1.0 if claim.verdict == "no" else 1.0
    return {
        "entropy": -float(-(row * np.log(row + 1e-12)).sum()),
        "svar": attention,
        "internal": sign * float(seen.max()),
        "glsim": sign * _glsim(look, seen[-1], at if claim.verdict else at + 1),
    }


def _softmax(logits: np.ndarray) -> np.ndarray:
    p = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(p / p.sum(axis=1, keepdims=True))


def _glsim(look: Any, seen: np.ndarray, at: int) -> float:
    """GLSim (https://arxiv.org/abs/2508.19972): how near the word's state is to the image's.

    The mean of a global and a local cosine, with the last token of the prompt and with the eighth
    of the image tokens that name the word most, in the middle layer and the last but one.
    """
    text, image = (look.hidden(layer).astype(np.float64) for layer in (-2, look.n_layers // 2))
    word = text[min(at, len(text) - 1)]
    best = np.argsort(-seen)[: max(1, len(seen) // 8)]
    local = image[look.image_positions[best]]
    return 0.5 * _cosine(word, text[look.n_prompt - 1]) + 0.5 * float(
        np.mean([_cosine(word, one) for one in local])
    )


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


def noised(model: Any, generation: Any, claim: Claim) -> float:
    """Log probability of an answer on a picture of heavy noise, as in VCD (step 500 of 1,000)."""
    noisy = with_noise(generation.image)
    asked = model.with_answer(noisy, generation.prompt, generation.text)
    whole = Regions.from_labels(np.zeros(noisy.shape[:2], dtype=int))
    scorer = model.scorer(asked, claim.target, whole)
    p = scorer(np.array([[True]])).probability[0].astype(np.float64)
    return float(np.log(p.prod() + 1e-9))


def with_noise(image: np.ndarray) -> np.ndarray:
    """The image behind step 500 of the 1,000 of DDPM's linear schedule, as VCD takes it."""
    rng = np.random.default_rng(0)
    pixels = image / 127.5 - 1
    kept = 0.28  # sqrt of the share of signal that is left there
    mixed = kept * pixels + np.sqrt(1 - kept**2) * rng.standard_normal(pixels.shape)
    return np.clip((mixed + 1) * 127.5, 0, 255).astype(np.uint8)


def contrasted_caption(
    model: Any, image: np.ndarray, other: np.ndarray, prompt: str, *, limit: int = 40
) -> str:
    """A caption decoded token by token by contrast with another image, at strength 1.

    As in VCD (https://arxiv.org/abs/2311.16922, Eq. 3 to 5): the next token is the one with the
    largest 2·log p(image) − log p(other) among those with p(image) ≥ 0.1 of the largest.
    """
    ids: list[int] = []
    text = ""
    for _ in range(limit):
        whole, changed = (_following(model, one, prompt, text) for one in (image, other))
        plausible = whole >= np.log(0.1) + whole.max()
        ids.append(int(np.argmax(np.where(plausible, 2 * whole - changed, -np.inf))))
        written = model.family.chat.decode(ids)
        if written == text:  # the end
            break
        text = written
    return text


def _following(model: Any, image: np.ndarray, prompt: str, text: str) -> np.ndarray:
    """Log probabilities of the token behind a text, where the end stands in its place."""
    answered = model.with_answer(image, prompt, text or ".")
    place = len(answered.ids) - 1 if text else 0
    look = white_box_of(model, answered, answered.at(place))
    every = list(range(model.module.config.text_config.vocab_size))
    return np.log(_softmax(look.lens(every))[look.n_prompt - 1 + place] + 1e-12)
