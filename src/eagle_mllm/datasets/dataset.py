"""A sequence of samples that knows where it came from."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import overload

from eagle_mllm.datasets.problems import Problem
from eagle_mllm.datasets.sample import Sample


@dataclass(frozen=True, kw_only=True, repr=False)
class DataSet(Sequence[Sample]):
    """Samples in the order of their source, and everything that could not become one."""

    name: str
    samples: Sequence[Sample]
    problems: tuple[Problem, ...] = ()
    fingerprint: str
    """SHA-256 of what was read and of the samples' ids; image files are not read."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """What the source holds, such as `{"photos": 79, "captions": 395}`."""

    def __len__(self) -> int:
        return len(self.samples)

    @overload
    def __getitem__(self, index: int) -> Sample: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Sample]: ...

    def __getitem__(self, index: int | slice) -> Sample | Sequence[Sample]:
        return self.samples[index]

    def __repr__(self) -> str:
        return f"DataSet({self.name!r}, {len(self)} samples, {len(self.problems)} problems)"


def fingerprint(contents: Iterable[bytes], ids: Iterable[str]) -> str:
    """SHA-256 over annotation bytes and sample ids; each is preceded by its length."""
    digest = hashlib.sha256()
    for content in (*contents, *(name.encode() for name in ids)):
        digest.update(f"{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()
