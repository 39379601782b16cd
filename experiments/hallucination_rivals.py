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
    row = _softmax(look.lens(ids))[at]
    noun = claim.phrase.split()[-1]
    token = generation.encode(f"There is a {noun}.")[-2] if claim.verdict else claim.target.ids[0]
    n = look.n_layers
    seen = np.stack(
        [_softmax(look.lens(ids, layer=layer))[look.image_positions, token] for layer in range(n)]
        + [_softmax(look.lens(ids))[look.image_positions, token]]
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
    rng = np.random.default_rng(0)
    pixels = generation.image / 127.5 - 1
    kept = 0.28  # sqrt of the share of signal that DDPM's linear schedule leaves at step 500
    mixed = kept * pixels + np.sqrt(1 - kept**2) * rng.standard_normal(pixels.shape)
    noisy = np.clip((mixed + 1) * 127.5, 0, 255).astype(np.uint8)
    asked = model.with_answer(noisy, generation.prompt, generation.text)
    whole = Regions.from_labels(np.zeros(noisy.shape[:2], dtype=int))
    scorer = model.scorer(asked, claim.target, whole)
    p = scorer(np.array([[True]])).probability[0].astype(np.float64)
    return float(np.log(p.prod() + 1e-9))
