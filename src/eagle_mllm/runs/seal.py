"""A checksum inside a JSON file, of the bytes around it."""

import hashlib
import json
import re
from collections.abc import Mapping

from eagle_mllm.attribution.provenance import JSON

KEY = "checksum"

_ZEROS = "0" * 32
# No text can hold this: inside a JSON string every quotation mark has a backslash before it.
_MEMBER = re.compile(rb'"checksum":"[0-9a-f]{32}"')


def sealed(values: Mapping[str, JSON]) -> bytes:
    """A JSON object on one line, with sorted keys and the checksum of the whole line.

    Args:
        values: the object; its key `checksum` is given here. NaN and infinity are not JSON
    """
    text = json.dumps(
        {**values, KEY: _ZEROS}, allow_nan=False, separators=(",", ":"), sort_keys=True
    )
    return _with(_checksum(blank := text.encode() + b"\n"), blank)


def require_seal(data: bytes, values: Mapping[str, JSON]) -> None:
    """Check the bytes of a file against the checksum in it; a file without one passes.

    Args:
        data: the file
        values: the object that it holds

    Raises:
        ValueError: a byte was changed after the file was written
    """
    if KEY not in values:
        return
    found = _MEMBER.search(data)
    if found is None or found[0] != _member(_checksum(_with(_ZEROS, data))):
        raise ValueError("its checksum does not fit: it was changed after it was written")


def _checksum(blank: bytes) -> str:
    return hashlib.blake2b(blank, digest_size=16).hexdigest()


def _with(checksum: str, data: bytes) -> bytes:
    return _MEMBER.sub(_member(checksum), data, count=1)


def _member(checksum: str) -> bytes:
    return f'"{KEY}":"{checksum}"'.encode()
