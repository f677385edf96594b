"""Settings, one slice per role, read from the environment (or a ``.env`` file) once at start-up.

Importing this module reads nothing. A role is given its own slice only, so the process that faces people
never holds the model key, and the process next to untrusted code never holds a token that can write.
A missing secret stops the start (:func:`load`); it is never skipped.
"""

from __future__ import annotations

import enum
from decimal import Decimal
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from patchpilot.errors import ConfigurationError
from patchpilot.sharing import Sharing


class SandboxEngine(enum.StrEnum):
    """Which engine runs untrusted commands."""

    AUTO = "auto"
    """Docker where an engine answers and has a usable image, else bubblewrap, else none."""
    DOCKER = "docker"
    BUBBLEWRAP = "bubblewrap"
    NONE = "none"
    """Diagnose only."""


class EmbedderKind(enum.StrEnum):
    """What turns failures into vectors, for finding similar ones."""

    HASHING = "hashing"
    """On this machine, without a model or a download."""
    HTTP = "http"
    """A service that speaks OpenAI's ``/v1/embeddings``, hosted or on this machine."""


class _Slice(BaseSettings):
    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )


class CommonSettings(_Slice):
    """What every role needs."""

    database_url: SecretStr
    """``postgresql://user:password@host:5432/name``; the database needs the ``vector`` extension."""
    redis_url: SecretStr
    """``redis://[:password@]host:6379/0`` or ``unix:///path``. Redis may be wiped at any moment."""
    public_url: str = "http://localhost:8000"
    """Where people reach the bot, for links."""
    log_level: str = "INFO"
    """``DEBUG``, ``INFO``, ``WARNING`` or ``ERROR``; the log is one JSON object a line on standard error."""
    lease_seconds: float = Field(default=15.0, ge=1)
    """A worker that has not renewed its lease for this long is taken for dead, and its work is resumed."""
    task_deadline_seconds: float = Field(default=3600.0, gt=0)
    """No task runs longer than this, whatever it is doing."""
    storm_places: int = Field(default=3, ge=0)
    """The same failure in this many repositories or branches becomes one storm card; 0 turns storms off."""
    storm_minutes: float = Field(default=10.0, gt=0, le=24 * 60)
    """Incidents further apart than this do not make a storm."""

    @field_validator("storm_places")
    @classmethod
    def _is_off_or_several(cls, value: int) -> int:
        if value == 1:
            message = "must be 0 (no storms) or at least 2: one place is no storm"
            raise ValueError(message)
        return value

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
            message = "must be a PostgreSQL address such as postgresql://user:password@host:5432/patchpilot"
            raise ValueError(message)
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
            message = "must be a Redis address such as redis://host:6379/0"
            raise ValueError(message)
        return value


class GitHubReaderSettings(_Slice):
    """Read access to GitHub: logs, source, permissions. Held by bot and worker."""

    github_api_url: str = "https://api.github.com"
    """``https://HOST/api/v3`` for GitHub Enterprise Server."""
    github_reader_app_id: str = ""
    """Id of the read-only GitHub App (``deploy/github-app-reader.json``)."""
    github_reader_private_key: SecretStr = SecretStr("")
    """Its private key, PEM text or the path of a file with it."""
    github_reader_token: SecretStr = SecretStr("")
    """Instead of the App: a fine-grained token with read access to contents, actions and metadata."""


class BotSettings(CommonSettings, GitHubReaderSettings):
    """The role that faces people: webhooks, Slack, REST API. No model key, no Docker, no write token."""

    github_webhook_secret: SecretStr
    """Checks ``X-Hub-Signature-256``; without it anybody could start heals, so there is no start then."""
    slack_bot_token: SecretStr
    """``xoxb-…``"""
    slack_signing_secret: SecretStr = SecretStr("")
    """Checks Slack's HTTP requests; needed unless Socket Mode is used."""
    slack_app_token: SecretStr = SecretStr("")
    """``xapp-…`` turns on Socket Mode: no public URL is needed for Slack then."""
    slack_api_url: str = "https://slack.com/api/"
    """Where Slack's Web API is; other than the default only for the playground and for tests."""
    slack_channel: str = "#ci"
    """Channel for failures of repositories that nobody has routed elsewhere: ``#name`` or an id."""
    api_token: SecretStr = SecretStr("")
    """Bearer token for the REST API's changing calls; without it those calls are refused."""

    @model_validator(mode="after")
    def _nothing_unsigned(self) -> BotSettings:
        if not self.github_webhook_secret.get_secret_value().strip():
            message = "GITHUB_WEBHOOK_SECRET is empty: PatchPilot does not accept unsigned webhooks"
            raise ValueError(message)
        if not (self.slack_signing_secret.get_secret_value() or self.slack_app_token.get_secret_value()):
            message = (
                "neither SLACK_SIGNING_SECRET (HTTP) nor SLACK_APP_TOKEN (Socket Mode) is set: "
                "PatchPilot does not accept unsigned Slack requests"
            )
            raise ValueError(message)
        return self


class SandboxSettings(_Slice):
    """The sandbox in which a repository's own commands run."""

    model_config = SettingsConfigDict(env_prefix="SANDBOX_", env_file=".env", extra="ignore", frozen=True)

    engine: SandboxEngine = SandboxEngine.AUTO
    """``auto`` (Docker if it has an image, else bubblewrap), ``docker``, ``bubblewrap`` or ``none``."""
    image: str = ""
    """Image for Docker; empty for the locally built ``patchpilot-sandbox:latest``."""
    runtime: str = ""
    """OCI runtime, for instance ``runsc``; empty for the engine's default."""
    toolbox: Path | None = None
    """A folder of Python tools (``pip install --target``) that bubblewrap shows read-only to commands."""
    memory_mb: int = Field(default=512, ge=64)
    """Hard limit per command, in MiB; passing it ends the command, it never swaps."""
    timeout_seconds: float = Field(default=300.0, gt=0)
    """Hard limit per command, in seconds of wall time."""
    processes: int = Field(default=128, ge=8)
    """Hard limit of processes and threads per command."""
    cpus: float = Field(default=1.0, gt=0)
    """CPU time per second of wall time that a command may use."""


class WorkerSettings(CommonSettings, GitHubReaderSettings):
    """The role next to untrusted code: queue ``heal``. Model key and Docker, but it can write nowhere."""

    anthropic_api_key: SecretStr = SecretStr("")
    """Without it PatchPilot heals by fixers and memory alone, and says so."""
    anthropic_base_url: str = "https://api.anthropic.com"
    """Another address for gateways and tests."""
    anthropic_model: str = "claude-sonnet-5-5"
    """Any model in the price table (``agent/prices.py``); others are refused, since budgets fail closed."""
    heal_max_dollars: Decimal = Field(default=Decimal("1.00"), ge=0)
    """Most that one heal may spend on model calls."""
    heal_max_tokens: int = Field(default=400_000, ge=0)
    """Most tokens, input and output together, that one heal may use."""
    repo_day_max_dollars: Decimal = Field(default=Decimal("20.00"), ge=0)
    """Most that all heals of one repository may spend in one day (UTC)."""
    approval_hours: float = Field(default=72, gt=0, le=24 * 30)
    """After this many hours without a decision, a proposal expires."""
    proof_runs: int = Field(default=2, ge=1, le=20)
    """How often the failing command must be green with a patch."""
    flaky_runs: int = Field(default=4, ge=2, le=50)
    """How often a failure that is not red at first replay, or is a test, is run to see whether it flakes."""
    rerun_flaky: bool = False
    """Have CI run the failed jobs again, once per run, where the verdict is flaky, infrastructure or timeout.
    The effects role does it, so it needs the same setting."""
    log_max_bytes: int = Field(default=256_000_000, ge=1_000)
    """How much of one job's log is read; the rest is left out and people are told."""
    memory_shared: str = ""
    """Repositories that may learn from each other's fixes: groups parted by commas, the patterns of a group
    by spaces (``acme/* acme-labs/*, beta/web beta/api``), on one code host. Empty: none from another."""
    memory_embedder: EmbedderKind = EmbedderKind.HASHING
    """What finds similar failures: ``hashing`` (built in) or ``http`` (a service with OpenAI's API)."""
    memory_embedder_url: str = ""
    """Its address, for instance ``https://api.openai.com/v1`` or ``http://localhost:11434/v1`` (Ollama).
    Distilled failures are sent there, redacted."""
    memory_embedder_model: str = ""
    """Its model's name, for instance ``text-embedding-3-small`` or ``nomic-embed-text``."""
    memory_embedder_key: SecretStr = SecretStr("")
    """Its key, sent as a bearer token; empty where it needs none."""
    memory_embedder_dimensions: int = Field(default=0, ge=0, le=16_000)
    """Length of its vectors, for models that let one choose; 0 takes what the model gives."""
    sandbox: SandboxSettings = Field(default_factory=SandboxSettings)

    @property
    def sharing(self) -> Sharing:
        """``memory_shared``, read."""
        return Sharing.parse(self.memory_shared)

    @field_validator("memory_shared")
    @classmethod
    def _is_sharing(cls, value: str) -> str:
        Sharing.parse(value)
        return value

    @field_validator("memory_embedder_url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        if value and not _plain_address(value):
            message = (
                "must be an address such as https://api.openai.com/v1 or http://localhost:11434/v1, "
                "without user, password or query (a key goes into MEMORY_EMBEDDER_KEY)"
            )
            raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _embedder_is_whole(self) -> WorkerSettings:
        if self.memory_embedder is EmbedderKind.HTTP and not (
            self.memory_embedder_url and self.memory_embedder_model.strip()
        ):
            message = "MEMORY_EMBEDDER=http needs MEMORY_EMBEDDER_URL and MEMORY_EMBEDDER_MODEL"
            raise ValueError(message)
        return self


class EffectsSettings(CommonSettings):
    """The role that writes branches and pull requests: queue ``effects``. No model key, no Docker."""

    github_api_url: str = "https://api.github.com"
    """``https://HOST/api/v3`` for GitHub Enterprise Server."""
    github_app_id: str = ""
    """Id of the GitHub App that writes (``deploy/github-app.json``)."""
    github_private_key: SecretStr = SecretStr("")
    """Its private key, PEM text or the path of a file with it."""
    github_token: SecretStr = SecretStr("")
    """Instead of the App: a token that may write contents and pull requests."""
    rerun_flaky: bool = False
    """May ask for a rerun of failed jobs, as the worker's setting of this name wants. Only then is a token
    with ``actions: write`` asked for, so grant the App that permission first."""


def _plain_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        return False
    named = parts.scheme in {"http", "https"} and bool(parts.hostname) and port != 0
    return named and parts.username is None and not parts.query and not parts.fragment


Slice = TypeVar("Slice", bound=_Slice)


def load(kind: type[Slice]) -> Slice:
    """Read one role's slice; raises :class:`ConfigurationError` naming every setting to mend."""
    try:
        return kind()
    except ValidationError as error:
        raise ConfigurationError(_explain(error)) from None


def described(kind: type[BaseSettings]) -> list[tuple[str, str, str]]:
    """Name in the environment, default and meaning of each setting of a slice, for people."""
    prefix = str(kind.model_config.get("env_prefix", "")).upper()
    rows = []
    for name, field in kind.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseSettings):
            rows += described(field.annotation)
            continue
        default = "" if field.is_required() else field.get_default()
        if isinstance(default, SecretStr):
            default = default.get_secret_value()
        shown = "required" if field.is_required() else str(default if default is not None else "")
        rows.append((f"{prefix}{name.upper()}", shown, " ".join((field.description or "").split())))
    return rows


def _explain(error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        name = "_".join(str(part) for part in problem["loc"]).upper()
        text = problem["msg"].removeprefix("Value error, ")
        lines.append(f"{name}: {'is not set' if problem['type'] == 'missing' else text}" if name else text)
    return "settings can't be used:\n  " + "\n  ".join(lines)
