"""What every token of a vocabulary reads alone."""

from typing import Any

_AT_ONCE = 20_000


def token_texts_of(tokenizer: Any) -> tuple[tuple[int, str], ...]:
    """Each vocabulary id that is not special, with its text; half a character reads U+FFFD.

    Args:
        tokenizer: of transformers
    """
    special = set(tokenizer.all_special_ids)
    ids = [token for token in range(len(tokenizer)) if token not in special]
    texts: list[str] = []
    for start in range(0, len(ids), _AT_ONCE):
        alone = [[token] for token in ids[start : start + _AT_ONCE]]
        texts += tokenizer.batch_decode(alone, clean_up_tokenization_spaces=False)
    return tuple(zip(ids, texts, strict=True))
