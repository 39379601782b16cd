"""The options that choose a model, in one place: weights loaded here, or a server that has them."""

from typing import Annotated, Any

import typer

from eagle_mllm.cli import options
from eagle_mllm.cli.expanding import made_by, options_of
from eagle_mllm.cli.loading import ModelChoice
from eagle_mllm.cli.parsing import parse_batch_size, parse_count, parse_settings
from eagle_mllm.engines.settings import KEY_VARIABLE, USUAL_CACHE, EngineChoice, ServerSettings
from eagle_mllm.models.settings import ModelSettings

SERVER = "Served model"
_NO_CACHE = "none"

_Server = Annotated[
    list[str] | None,
    typer.Option(
        "--server",
        metavar="URL",
        help="Explain the model that is served there, by llama.cpp, vLLM, SGLang or OpenAI's "
        "protocol. May be repeated: each picture then has one of the servers.",
        rich_help_panel=SERVER,
    ),
]
_Engine = Annotated[
    EngineChoice,
    typer.Option(help="Which engine it is; auto asks it.", rich_help_panel=SERVER),
]
_Checkpoint = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Local folder or hub id of the same model, for exact tokens and to compare.",
        rich_help_panel=SERVER,
    ),
]
_Agreement = Annotated[
    bool,
    typer.Option(
        "--agreement/--no-agreement",
        help="Load the weights of --checkpoint once and compare.",
        rich_help_panel=SERVER,
    ),
]
_Concurrency = Annotated[
    str,
    typer.Option(metavar="N|auto", help="Requests at once.", rich_help_panel=SERVER),
]
_Timeout = Annotated[
    float,
    typer.Option(metavar="SECONDS", help="How long an answer may take.", rich_help_panel=SERVER),
]
_MaxRequests = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Send no more than this many requests that the model must work for.",
        rich_help_panel=SERVER,
    ),
]
_Cache = Annotated[
    str,
    typer.Option(
        metavar="FOLDER|none",
        help="Where scores are kept, so that nothing is paid twice; auto is the user's cache.",
        rich_help_panel=SERVER,
    ),
]
_KeyFrom = Annotated[
    str,
    typer.Option(
        metavar="VARIABLE",
        help="The environment variable that holds the server's key.",
        rich_help_panel=SERVER,
    ),
]


def _choice(
    *,
    model: options.ModelName = None,
    revision: options.Revision = None,
    device: options.Device = "auto",
    dtype: options.Dtype = "auto",
    batch_size: options.Batch = "auto",
    pixels: options.Pixels = "auto",
    compile: options.Compile = False,
    template: options.Template = None,
    system: options.System = None,
    device_map: options.DeviceMap = None,
    trust_remote_code: options.TrustRemoteCode = False,
    server: _Server = None,
    engine: _Engine = "auto",
    checkpoint: _Checkpoint = None,
    agreement: _Agreement = True,
    concurrency: _Concurrency = "auto",
    timeout: _Timeout = 120.0,
    max_requests: _MaxRequests = None,
    cache: _Cache = USUAL_CACHE,
    key_from: _KeyFrom = KEY_VARIABLE,
) -> ModelChoice:
    _require_used(locals())
    settings = ModelSettings(
        revision=revision,
        device=device,
        dtype=dtype,
        batch_size=parse_batch_size(batch_size),
        pixels=pixels,
        compile=compile,
        template=parse_settings(template or [], option="--template"),
        system=system,
        device_map=device_map,
        trust_remote_code=trust_remote_code,
    )
    if not server:
        return ModelChoice(name=model or "demo", settings=settings)
    served = ServerSettings(
        urls=tuple(server),
        engine=engine,
        checkpoint=checkpoint,
        agreement=agreement,
        concurrency=parse_count(concurrency, option="--concurrency"),
        timeout=timeout,
        max_requests=max_requests,
        cache=None if cache == _NO_CACHE else cache,
        key_from=key_from,
    )
    return ModelChoice(name=model, settings=settings, server=served)


MODEL_OPTIONS = options_of(_choice)
"""The options by name."""

_HERE = (
    "revision",
    "device",
    "dtype",
    "batch_size",
    "pixels",
    "compile",
    "template",
    "system",
    "device_map",
    "trust_remote_code",
)


def _require_used(values: dict[str, Any]) -> None:
    """Refuse an option that has no effect: of loading with a server, of a server without one."""
    is_served = bool(values["server"])
    for name, value in values.items():
        if name in ("model", "server") or value == MODEL_OPTIONS[name].default:
            continue
        if is_served == (name in _HERE):
            reason = "is for weights that are loaded here, not for --server"
            raise typer.BadParameter(
                reason if is_served else "goes with --server",
                param_hint=f"'--{name.replace('_', '-')}'",
            )


with_model = made_by("model", _choice)
"""A command whose parameter `model`, a `ModelChoice`, is given by the options of this file."""
