"""The two colour scales of every picture, and the inks.

Saliency runs along *inferno* (dark to bright, even in lightness, safe for colour-blind readers).
Evidence runs from violet (language prior) over grey to amber (perceptual evidence). The two are
told apart under every common colour blindness, and both ends are light enough for dark text.
"""

import numpy as np
from jaxtyping import Float, UInt8

_INFERNO = (
    "000004 0b0724 210c4a 3d0965 57106e 71196e 8a226a a32c61 bc3754 "
    "d04545 e35933 f1711f f98c0a fcaa0f f9c932 f2e865 fcffa4"
)
_EVIDENCE = "a79af6 baadf2 ccc1ef dcd6ea ebeae6 f0d8b7 f1c689 eeb559 e8a41e"

INK = "#1c1b29"
"""Text."""

FAINT = "#6b697a"
"""Captions and text that is not explained."""

RULE = "#d9d7e0"
"""Thin lines."""

SHOWN = "#0072b2"
"""The insertion curve (Okabe and Ito's blue)."""

REMOVED = "#c2500a"
"""The deletion curve (Okabe and Ito's vermilion, darkened for contrast on white)."""

LINES = (SHOWN, REMOVED, "#008f69", "#b5588f", "#8a6d00", "#3ba3d8", "#5b47d6", "#6b697a")
"""Lines of several methods in one plot, after Okabe and Ito; the first is the insertion's."""


def _anchors(text: str) -> Float[np.ndarray, "anchors 3"]:
    return np.array([list(bytes.fromhex(color)) for color in text.split()], dtype=np.float64)


def _along(
    anchors: Float[np.ndarray, "anchors 3"], values: Float[np.ndarray, "*shape"]
) -> UInt8[np.ndarray, "*shape 3"]:
    positions = np.linspace(0.0, 1.0, len(anchors))
    channels = [np.interp(values, positions, anchors[:, channel]) for channel in range(3)]
    return np.asarray(np.rint(np.stack(channels, axis=-1)), dtype=np.uint8)


def saliency_colors(values: Float[np.ndarray, "*shape"]) -> UInt8[np.ndarray, "*shape 3"]:
    """The colour of each saliency in [0, 1]; values outside are clipped."""
    return _along(_anchors(_INFERNO), values)


def evidence_colors(values: Float[np.ndarray, "*shape"]) -> UInt8[np.ndarray, "*shape 3"]:
    """The colour of each evidence in [0, 1], language prior to perceptual evidence."""
    return _along(_anchors(_EVIDENCE), values)


def hex_color(rgb: UInt8[np.ndarray, "3"]) -> str:
    """An 8-bit colour as `#rrggbb`."""
    return "#" + bytes(rgb.tolist()).hex()


def evidence_color(evidence: float) -> str:
    """The colour of one evidence in [0, 1] as `#rrggbb`."""
    return hex_color(evidence_colors(np.array(evidence)))
