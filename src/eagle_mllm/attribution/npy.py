"""NumPy's files, read by what they declare before anything is unpacked.

A header of 80 bytes may ask for terabytes, and a member of an archive for a thousand times its
size. Nothing is unpickled: arrays of Python objects are refused.
"""

import io
import math
import zipfile

import numpy as np

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
# What NumPy writes. Other means unpack without any limit.
_PACKINGS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


def array_of(data: bytes) -> np.ndarray:
    """The array in the bytes of a `.npy` file. Call it within a `border`.

    Args:
        data: the whole file

    Raises:
        ValueError: it is not such a file, declares more than it holds, or holds Python objects
        Exception: whatever NumPy raises on a header that is not one
    """
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"it has format version {version}, expected 1.0 or 2.0")
    shape, _, dtype = _HEADERS[version](file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, expected numbers")
    declared, held = math.prod(shape) * dtype.itemsize, len(data) - file.tell()
    if min(shape, default=1) < 0 or declared > held:
        raise ValueError(f"it declares {declared:,} bytes of shape {shape} and holds {held:,}")
    file.seek(0)
    array: np.ndarray = np.lib.format.read_array(file, allow_pickle=False)
    return array


def npz_arrays(data: bytes, *, limit: int) -> dict[str, np.ndarray]:
    """The arrays in the bytes of a `.npz` file by name. Call it within a `border`.

    Args:
        data: the whole file
        limit: the most bytes that it may unpack to

    Raises:
        ValueError: it declares more than `limit`, or is packed as NumPy does not
        Exception: whatever `zipfile` and `array_of` raise
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
        declared = sum(member.file_size for member in members)
        if declared > limit:
            raise ValueError(f"it unpacks to {declared:,} bytes, more than {limit:,}")
        if any(member.compress_type not in _PACKINGS for member in members):
            raise ValueError("it is not packed as NumPy packs; save it again with `np.savez`")
        return {
            member.filename.removesuffix(".npy"): array_of(_unpacked(archive, member))
            for member in members
        }


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    # A size to read is a size to stop at: what lies about it is not unpacked any further.
    with archive.open(member) as file:
        return file.read(member.file_size + 1)
