"""Conversations from files."""

import json
from pathlib import Path

from eagle_mllm.attribution.conversation import Asked, Conversation, simplest
from eagle_mllm.borders import border, file_bytes, reason
from eagle_mllm.errors import ModelError

_MOST_BYTES = 1 << 20


def read_messages(path: Path) -> Asked:
    """The conversation in a JSON file.

    Args:
        path: a file or a pipe

    Raises:
        ModelError: it cannot be read, is not JSON, or holds no conversation about one image
    """
    try:
        text = file_bytes(path, limit=_MOST_BYTES)
    except OSError as error:
        raise ModelError(f"cannot read {path}: {reason(error)}; give a JSON file") from error
    with border(ModelError, f"{path} is not a JSON file", advice="see docs/models.md"):
        messages = json.loads(text.decode("utf-8"))
    try:
        return simplest(Conversation.from_messages(messages))
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
