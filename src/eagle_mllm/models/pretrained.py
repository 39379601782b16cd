"""The one door to what transformers reads from checkpoints, in a folder or on the hub.

Nothing that comes with a checkpoint is executed, and nobody is asked whether it should be, unless
the user has said so before (`trust_remote_code`): every call goes through `Checkpoint`.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from huggingface_hub import get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from transformers import PretrainedConfig, ProcessorMixin
from transformers.utils import cached_file
from transformers.utils.hub import extract_commit_hash

from eagle_mllm.borders import reason
from eagle_mllm.errors import ModelError
from eagle_mllm.models.kinds import model_class

_PATIENCE = 5.0
"""Seconds that the hub may take to answer before it counts as out of reach."""

_WEIGHT_LISTS = ("model.safetensors.index.json", "pytorch_model.bin.index.json")


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Where a checkpoint is, and how its pieces are read."""

    name: str
    """As the user spelled it, for messages."""

    place: str
    """A folder or a hub id."""

    revision: str | None = None
    """Branch, tag or commit of a hub repository."""

    trusts_code: bool = False
    """Whether code that comes with it may run."""

    unreachable: str | None = None
    """Why the hub cannot be asked; then everything comes from the local cache."""

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder here."""
        return Path(self.place).is_dir()

    def read(self, kind: Any, **options: Any) -> Any:
        """A piece of the checkpoint, by `from_pretrained` of a class of transformers.

        Raises:
            ModelError: the checkpoint brings code of its own for it
        """
        try:
            return kind.from_pretrained(
                self.place,
                revision=self.revision,
                local_files_only=self.unreachable is not None,
                trust_remote_code=self.trusts_code,
                **options,
            )
        except ValueError as error:
            if "trust_remote_code" not in str(error):
                raise
            raise ModelError(
                f"{self.name} brings its own code, which is not run; use a checkpoint that "
                "transformers serves itself, often one converted for it, whose name ends in '-hf', "
                "or read the code and load it with trust_remote_code=True"
            ) from error

    def processor_settings(self, kind: Any = ProcessorMixin) -> dict[str, Any]:
        """The settings of its processor, with the chat template from wherever the folder has it.

        Args:
            kind: the processor's class
        """
        settings, _ = kind.get_processor_dict(
            self.place, revision=self.revision, local_files_only=self.unreachable is not None
        )
        return dict(settings)

    def config(self) -> dict[str, Any]:
        """Its config.json as written, before transformers has an opinion about it.

        Raises:
            ModelError: it is not here and the hub cannot be reached
        """
        try:
            config, _ = PretrainedConfig.get_config_dict(
                self.place, revision=self.revision, local_files_only=self.unreachable is not None
            )
        except OSError as error:
            if self.unreachable is None:
                raise
            raise ModelError(
                f"{self.name} is not in the local cache, and the Hugging Face hub cannot be "
                f"reached ({self.unreachable}); connect, or fetch it where there is a connection "
                f"with `hf download {self.place}`"
            ) from error
        return dict(config)

    @property
    def written(self) -> str:
        """Its place, with the commit of the hub."""
        return self.place if self.revision is None else f"{self.place}@{self.revision}"

    def has(self, filename: str) -> bool:
        """Whether it has a file of this name."""
        return self._path(filename) is not None

    def pinned(self, file: str = "config.json") -> "Checkpoint":
        """The same at the commit that a branch or tag of the hub is now, if a file is here."""
        commit = extract_commit_hash(self._path(file), None)
        return replace(self, revision=commit or self.revision)

    def json_file(self, filename: str) -> Any:
        """A JSON file of the checkpoint, parsed; None if it has no such file."""
        path = self._path(filename)
        return None if path is None else json.loads(Path(path).read_text(encoding="utf-8"))

    def require_weights_inside(self) -> None:
        """Refuse a list of weight files that names one outside the checkpoint.

        Raises:
            ModelError: it does
        """
        for listing in _WEIGHT_LISTS:
            for file in {*((self.json_file(listing) or {}).get("weight_map") or {}).values()}:
                path = PurePosixPath(file.replace("\\", "/"))
                if path.is_absolute() or ".." in path.parts or ":" in file:
                    raise ModelError(
                        f"{self.name} takes weights from outside its folder ({listing} names "
                        f"{file!r}); fetch the checkpoint again from a source that you trust"
                    )

    def _path(self, filename: str) -> str | None:
        path: str | None = cached_file(
            self.place,
            filename,
            revision=self.revision,
            local_files_only=self.unreachable is not None,
            _raise_exceptions_for_gated_repo=False,
            _raise_exceptions_for_missing_entries=False,
            _raise_exceptions_for_connection_errors=False,
        )
        return path


def find_checkpoint(
    place: str, *, name: str, revision: str | None, trusts_code: bool = False
) -> Checkpoint:
    """Look once where a checkpoint is: a folder, the hub, or the cache if the hub is away.

    Args:
        place: a folder or a hub id
        name: as the user spelled it
        revision: branch, tag or commit of a hub repository
        trusts_code: whether code that comes with it may run

    Raises:
        ModelError: the hub says that it has none, or does not give it
    """
    if Path(place).is_dir():
        return Checkpoint(name=name, place=place, revision=revision, trusts_code=trusts_code)
    unreachable = None
    try:
        # Without the retries, and their lines on the terminal, that the client makes elsewhere.
        url = hf_hub_url(place, "config.json", revision=revision)
        try:
            get_hf_file_metadata(url, timeout=_PATIENCE)
        except EntryNotFoundError:
            adapter = hf_hub_url(place, "adapter_config.json", revision=revision)
            get_hf_file_metadata(adapter, timeout=_PATIENCE)
    except OfflineModeIsEnabled:
        unreachable = "offline mode is on: HF_HUB_OFFLINE is set"
    except (
        GatedRepoError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
        EntryNotFoundError,
        HFValidationError,
    ) as error:
        raise ModelError(_refused(error, name=name, revision=revision)) from error
    except Exception as error:  # whatever a connection can fail with
        unreachable = reason(error)
    return Checkpoint(
        name=name,
        place=place,
        revision=revision,
        trusts_code=trusts_code,
        unreachable=unreachable,
    )


def n_parameters(config: Any) -> int:
    """How many parameters a configuration describes; the model is built without any memory.

    Args:
        config: a transformers configuration of a model that reads images and writes text
    """
    with torch.device("meta"):
        model = model_class(config).from_config(config, trust_remote_code=False)
    return sum(parameter.numel() for parameter in model.parameters())


def _refused(error: Exception, *, name: str, revision: str | None) -> str:
    """What the hub's answer means for the user."""
    match error:
        case GatedRepoError():  # a kind of RepositoryNotFoundError, so it comes first
            return (
                f"{name} is gated: accept its licence on https://huggingface.co/{name}, "
                "then log in with `hf auth login`"
            )
        case RevisionNotFoundError():
            return f"{name} has no revision {revision!r}; give a branch, tag or commit of it"
        case EntryNotFoundError():
            return (
                f"{name} has no config.json, so it is not a transformers checkpoint; look for one "
                "that is, or convert it"
            )
    return (
        f"there is no model {name!r}: neither a folder here nor found on the Hugging Face hub; "
        "check the spelling, or log in with `hf auth login` if it is private"
    )
