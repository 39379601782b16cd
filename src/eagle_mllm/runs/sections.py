"""The tables of a run's file, but for the method."""

from dataclasses import fields
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from eagle_mllm.attribution.choice import TargetChoice
from eagle_mllm.engines.settings import (
    KEY_VARIABLE,
    USUAL_CACHE,
    Concurrency,
    EngineChoice,
    ServerSettings,
)
from eagle_mllm.errors import SettingError, TargetError
from eagle_mllm.models.settings import BatchSize, Dtype, ModelSettings, PixelChoice
from eagle_mllm.runs.methods import Section

Positive = Annotated[int, Field(ge=1)]

_LOADING = {"device", "dtype", "batch_size", "pixels", "revision", "template", "system"}
SERVING = {one.name for one in fields(ServerSettings)} - {"urls"}
"""Settings of `[model]` that only a server has."""


class DataSection(Section):
    """`[data]`: which data set, and whatever settings that data set has."""

    model_config = ConfigDict(extra="allow")

    set: str
    """A name that `eagle_mllm.datasets` knows."""

    @property
    def settings(self) -> dict[str, Any]:
        """Every key but `set`."""
        return dict(self.model_extra or {})


class ModelSection(Section):
    """`[model]`: which weights answer, and how they are run; see `eagle_mllm.load_model`.

    With `server` they are served, and `id` is what the server calls them; see `eagle_mllm.connect`.
    """

    id: str
    device: str = "auto"
    dtype: Dtype = "auto"
    batch_size: BatchSize = "auto"
    pixels: PixelChoice = "auto"
    revision: str | None = None

    template: dict[str, Any] = Field(default={})
    """Options of the chat template."""

    system: str | None = None
    """The system prompt."""

    server: str | list[str] | None = None
    """Where the model is served; with several addresses, samples are spread over them."""

    engine: EngineChoice = "auto"
    checkpoint: str | None = None
    agreement: bool = True
    concurrency: Concurrency = "auto"
    timeout: float = 120.0
    max_requests: Positive | None = None
    cache: str | None = USUAL_CACHE
    key_from: str = KEY_VARIABLE

    @model_validator(mode="after")
    def _possible(self) -> "ModelSection":
        _ = self.settings, self.serving
        # By value: a run that is read back spells every default out.
        useless = [
            name
            for name in sorted(_LOADING if self.server else SERVING)
            if getattr(self, name) != type(self).model_fields[name].default
        ]
        if useless:
            where = "weights that are loaded here" if self.server else "a server"
            raise SettingError(f"{useless[0]} is for {where}; leave it out")
        return self

    @property
    def settings(self) -> ModelSettings:
        """How weights are loaded here."""
        return ModelSettings(**self.model_dump(include=_LOADING))

    @property
    def serving(self) -> ServerSettings | None:
        """How a server is asked; None where weights are loaded here."""
        if self.server is None:
            return None
        urls = (self.server,) if isinstance(self.server, str) else tuple(self.server)
        return ServerSettings(urls=urls, **self.model_dump(include=SERVING))


class RegionsSection(Section):
    """`[regions]`: how images are cut."""

    method: Literal["slico", "grid", "slico-opencv", "seeds"] = "slico"
    count: Annotated[int, Field(ge=2)] = 64


class SampleSection(Section):
    """`[run]`: which samples, and how long an answer may be."""

    limit: Positive | None = None
    """How many samples; None for all."""

    offset: Annotated[int, Field(ge=0)] = 0
    """How many samples to pass over first."""

    seed: int | None = None
    """Shuffles the samples before offset and limit; None keeps the order of the data set."""

    max_new_tokens: Positive = 128
    """Longest answer, in tokens."""

    target: Literal["answer", "boxed", "last-line"] = "answer"
    """What of an answer is explained, where the task explains it whole."""

    match: str | None = None
    """A regular expression instead, as of `--match`; None for none."""

    @model_validator(mode="after")
    def _possible(self) -> "SampleSection":
        try:
            _ = self.choice
        except TargetError as error:
            raise SettingError(f"match: {error}") from error
        return self

    @property
    def choice(self) -> TargetChoice:
        """The piece of an answer that is explained; no piece is the whole.

        Raises:
            SettingError: both settings choose one
        """
        if self.match is not None and self.target != "answer":
            raise SettingError(f"match and target = {self.target!r} both choose; leave one out")
        return TargetChoice(
            matches=() if self.match is None else (self.match,),
            boxed=self.target == "boxed",
            last_line=self.target == "last-line",
        )
