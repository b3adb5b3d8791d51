"""Every setting of the service: one class, read from `GRAFT_…` variables, frozen.

Built in `create_app` or in `main`, never at import.
"""

import difflib
import ipaddress
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from inference.providers import CPU_PROVIDERS
from inference.session import DEFAULT_ENGINE_CACHE
from service.keep_policy import parse_keep
from service.keys import key_digest, split_keys
from service.logs import LogFormat, LogLevel
from service.service_links import service_links

ENV_PREFIX: Final = "GRAFT_"

Keys = Annotated[tuple[SecretStr, ...], NoDecode]
Origins = Annotated[tuple[str, ...], NoDecode]

_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s*?#@,]+")
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}  # which browsers leave out
_ROOT_PATH: Final = re.compile(r"(/[A-Za-z0-9._~-]+)*")
# A proxy's prefix of that name could not be told from our own address.
OWN_ADDRESSES: Final = frozenset(
    {"predict", "feedback", "models", "health", "metrics", "docs", "openapi.json", "v2"}
)


class Settings(BaseSettings):
    """The service's settings. `GRAFT_PORT=9000` sets `port`, and so on."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        env_ignore_empty=True,
        hide_input_in_errors=True,  # a mistyped key must not end in a log
    )

    models_dir: Path = Field(default=Path("models"), description="The folder of published models.")
    default_model: str | None = Field(
        default=None, description="The model that /predict takes when none is named."
    )
    contract: Literal["none", "sagemaker", "vertex", "azureml"] = Field(
        default="none",
        description="A managed platform's addresses and variables are served beside our own.",
    )
    poll_interval_s: float = Field(
        default=2.0, ge=0.1, le=3600, description="Seconds between looks for new versions."
    )
    trial_cpu_s: float = Field(
        default=60.0,
        ge=0,
        description="Seconds of a core for trying a new model in a process of its own before it is "
        "loaded; five times as long on the clock. 0 does not try.",
    )
    trial_memory_mb: int = Field(
        default=2048,
        ge=64,
        description="Memory for trying a new model, in MiB, beside four times its file.",
    )
    max_on_demand: int = Field(
        default=4,
        ge=1,
        description="Versions and precisions kept loaded beside the ones in service.",
    )

    keep: str = Field(
        default="",
        description="Images to keep for review, with their answers: rejected, uncertain:0.6 (a label less "
        "probable than that), sample:0.01 (that share of all), comma separated. None unless set.",
    )
    keep_dir: Path = Field(
        default=Path("kept"),
        description="Where the images of GRAFT_KEEP go; not within the models folder.",
    )
    keep_max_mb: int = Field(
        default=1024,
        ge=1,
        description="Disk space for all of GRAFT_KEEP's folder, in MiB; the oldest images go.",
    )
    keep_days: int = Field(
        default=30, ge=1, le=3650, description="Days that an image of GRAFT_KEEP is kept."
    )

    log_format: LogFormat = Field(default="text", description="What the log's lines look like.")
    log_level: LogLevel = Field(
        default="info",
        description="The least that is logged; debug has probes and scrapes too.",
    )
    model_memory_mb: int = Field(
        default=0,
        ge=0,
        description="Memory for all models, in MiB; those used least recently make room. 0 is no limit.",
    )

    answer_cache_mb: int = Field(
        default=0,
        ge=0,
        description="Memory for answers of images that come again, in MiB, in each process; 0 keeps none.",
    )

    workers: int = Field(
        default=1,
        ge=1,
        le=256,
        description="Processes behind the one address, each with all models and the limits below.",
    )

    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: int = Field(
        default=8000, ge=0, le=65535, description="The port to listen on; 0 takes a free one."
    )
    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="A second port, with /metrics alone and without a key; for Prometheus.",
    )
    root_path: str = Field(
        default="",
        description="The path below which a proxy has the service, such as /graft; whether the proxy "
        "takes it off or not.",
    )
    cors_origins: Origins = Field(
        default=(),
        description="Sites whose pages may call the service, such as https://app.example.org; comma "
        "separated or a JSON list; '*' for all.",
    )
    api_keys: Keys = Field(
        default=(),
        description="Keys that may predict, in clear or as sha256:…; comma separated or a JSON list.",
    )
    admin_keys: Keys = Field(
        default=(), description="Keys that may do everything; none turns admin calls off."
    )
    trusted_proxies: str = Field(
        default="",
        description="Addresses whose X-Forwarded-For, or Forwarded, is believed, comma separated; '*' for "
        "all.",
    )
    allow_anonymous: bool = Field(
        default=False, description="Listen beyond this machine without any API key."
    )

    provider: Literal["auto", "tensorrt", "cuda", "cpu", "openvino"] = Field(
        default="auto",
        description="What models run on: auto is cuda where there is a GPU, else cpu; on a CPU bf16 is run "
        "by OpenVINO, all else by ONNX Runtime; openvino has OpenVINO run fp32 too, no int8 nor fp16.",
    )
    require_gpu: bool = Field(default=False, description="Refuse to start without a GPU.")
    cuda_graphs: bool = Field(
        default=False,
        description="On a GPU, replay a batch's kernels as one launch, where all of them run there.",
    )
    engine_cache_dir: Path = Field(
        default=DEFAULT_ENGINE_CACHE, description="Where TensorRT keeps the engines that it built."
    )
    intra_op_threads: int = Field(
        default=0, ge=0, description="Threads that run one batch on a CPU; 0 has it measured."
    )
    tune_s: float = Field(
        default=1.0,
        ge=0,
        le=60,
        description="Seconds to measure, when a model is loaded, how it runs best; 0 does not measure.",
    )
    decode_threads: int = Field(
        default=0,
        ge=0,
        description="Threads for decoding alone; 0 = each core decodes and runs its own batch where "
        "that is faster, else one thread per core.",
    )

    max_batch: int = Field(default=16, ge=1, le=1024, description="Images in one run of the model.")
    max_batch_wait_ms: float = Field(
        default=2.0,
        ge=0,
        le=1000,
        description="Milliseconds that a batch waits at most for images that are being decoded.",
    )
    max_connections: int = Field(
        default=512, ge=1, description="Clients that may be connected at one time."
    )
    max_head_bytes: int = Field(
        default=16 * 2**10, ge=256, description="Bytes of the address and headers of one request."
    )
    max_headers: int = Field(default=100, ge=8, description="Number of headers of one request.")
    max_waiting: int = Field(default=256, ge=1, description="Images in the service at one time.")
    max_buffered_bytes: int = Field(
        default=512 * 2**20, ge=1, description="Bytes of all request bodies held at one time."
    )
    max_image_bytes: int = Field(
        default=16 * 2**20, ge=1, description="Bytes of one encoded image."
    )
    max_request_bytes: int = Field(
        default=64 * 2**20, ge=1, description="Bytes of a multipart, JSON or tensor body."
    )
    max_pixels: int = Field(
        default=50_000_000,
        ge=1,
        le=178_956_970,  # Pillow refuses more by itself
        description="Width times height of one image, in pixels.",
    )
    max_side_px: int = Field(
        default=65_535, ge=1, description="Longest side of one image, in pixels."
    )
    max_images: int = Field(default=32, ge=1, description="Images in one request.")
    rate_limit_per_s: float = Field(
        default=0.0,
        ge=0,
        description="Images a second for each API key, or address where there are no keys; 0 for no "
        "limit.",
    )
    rate_limit_burst: int = Field(
        default=64,
        ge=1,
        description="Burst size of the rate limit: images that one caller may send at once.",
    )

    request_timeout_s: float = Field(
        default=5.0,
        gt=0,
        description="Seconds from the last byte of a request to its answer; callers may ask for less.",
    )
    body_timeout_s: float = Field(
        default=30.0, gt=0, description="Seconds from the first byte of a body to its last."
    )
    min_body_bytes_per_s: int = Field(
        default=8192,
        ge=0,
        description="Slowest body after its first 5 s, in bytes per second; 0 for no limit.",
    )
    keep_alive_s: float = Field(
        default=75.0,
        gt=0,
        description="Seconds that an idle connection is kept; longer than the proxy in front keeps it.",
    )
    head_timeout_s: float = Field(
        default=10.0, gt=0, description="Seconds for the headers of a request to arrive."
    )
    write_timeout_s: float = Field(
        default=10.0,
        gt=0,
        description="Seconds that a client may take less of its answer than the slowest body would bring.",
    )
    drain_delay_s: float = Field(
        default=0.0,
        ge=0,
        description="Seconds to go on listening after SIGTERM, with readiness off.",
    )
    shutdown_grace_s: float = Field(
        default=20.0, gt=0, description="Seconds after that for accepted requests to end."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the environment without what Kubernetes has put there under our names."""
        assert isinstance(env_settings, EnvSettingsSource)
        links = {name.lower() for name in service_links(os.environ, prefix=ENV_PREFIX)}
        read = env_settings.env_vars.items()
        env_settings.env_vars = {name: value for name, value in read if name.lower() not in links}
        return init_settings, env_settings

    @field_validator("api_keys", "admin_keys", "cors_origins", mode="before")
    @classmethod
    def _split_list(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return split_keys(value)

    @field_validator("api_keys", "admin_keys")
    @classmethod
    def _no_weak_keys(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for key in keys:
            key_digest(key.get_secret_value())  # raises for what is no key
        return keys

    @field_validator("cors_origins")
    @classmethod
    def _origins_as_browsers_send_them(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(origin if origin == "*" else _origin(origin) for origin in origins)

    @field_validator("provider", "log_format", "log_level", mode="before")
    @classmethod
    def _in_any_case(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @field_validator("keep")
    @classmethod
    def _keep_as_it_is_written(cls, text: str) -> str:
        parse_keep(text)
        return text

    @field_validator("root_path")
    @classmethod
    def _root_path_as_a_prefix(cls, text: str) -> str:
        path = f"/{text.strip('/')}".removesuffix("/")
        if not _ROOT_PATH.fullmatch(path):
            raise ValueError(f"{text[:80]!r} is no path of plain segments, such as /graft")
        if path and path.split("/")[1] in OWN_ADDRESSES:
            raise ValueError(
                f"{path!r} begins as an address of the service itself; choose another, such as /graft"
            )
        return path

    @model_validator(mode="after")
    def _guarded_beyond_this_machine(self) -> "Settings":
        if not (self.api_keys or self.allow_anonymous or is_loopback(self.host)):
            raise ValueError(
                f"host {self.host!r} can be reached from other machines and no API key is set; "
                f"set {ENV_PREFIX}API_KEYS, or {ENV_PREFIX}ALLOW_ANONYMOUS=1 to let everyone in"
            )
        return self

    @model_validator(mode="after")
    def _workers_where_they_can_share(self) -> "Settings":
        if self.workers > 1 and os.name == "nt":
            raise ValueError("several workers need a POSIX system; set workers to 1")
        return self

    @model_validator(mode="after")
    def _kept_beside_the_models(self) -> "Settings":
        if self.keep and self.keep_dir.resolve().is_relative_to(self.models_dir.resolve()):
            raise ValueError(
                f"{ENV_PREFIX}KEEP_DIR {str(self.keep_dir)!r} is within the models folder, where what is "
                "kept would be taken for models; choose another folder"
            )
        return self

    @model_validator(mode="after")
    def _consistent(self) -> "Settings":
        if self.require_gpu and self.provider in CPU_PROVIDERS:
            raise ValueError(f"provider {self.provider!r} and require_gpu contradict each other")
        if self.metrics_port and self.metrics_port == self.port:
            raise ValueError("GRAFT_METRICS_PORT and GRAFT_PORT are the same; choose another")
        if self.max_request_bytes > self.max_buffered_bytes:
            raise ValueError("max_request_bytes is above max_buffered_bytes; no such request fits")
        return self


def _origin(text: str) -> str:
    """Return an origin as a browser sends it: lower-case, no default port, no slash at the end."""
    origin = text.lower().removesuffix("/")
    if not _ORIGIN.fullmatch(origin):
        raise ValueError(
            f"{text[:80]!r} is no origin; give scheme and host, such as https://app.example.org, or '*'"
        )
    return origin.removesuffix(_DEFAULT_PORTS.get(origin.partition("://")[0], "/"))


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def misspelt_variables(names: Iterable[str]) -> list[str]:
    """Return a message for each `GRAFT_…` variable that names no setting and is no service link."""
    known = [f"{ENV_PREFIX}{field.upper()}" for field in Settings.model_fields]
    unknown = sorted(
        n for n in names if n.upper().startswith(ENV_PREFIX) and n.upper() not in known
    )
    return [f"{name} is no setting and was ignored{_suggestion(name, known)}" for name in unknown]


def _suggestion(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name.upper(), known, n=1)
    return f"; did you mean {close[0]}?" if close else ""
