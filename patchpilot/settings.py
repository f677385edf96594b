"""Settings, one slice per role, read from the environment (or a ``.env`` file) once at start-up.

Importing this module reads nothing. A role is given its own slice only, so the process that faces people
never holds the model key, and the process next to untrusted code never holds a token that can write.
A missing secret stops the start (:func:`load`); it is never skipped.
"""

from __future__ import annotations

import base64
import enum
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Generic, Literal, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import PydanticUseDefault
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from patchpilot.errors import ConfigurationError
from patchpilot.failures import Category
from patchpilot.grammar.values import DigestTime, read_digest_time
from patchpilot.images import ImageTable
from patchpilot.policy import LEAST_CONFIDENCE, Mode, Policy
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
    @field_validator("*", mode="before")
    @classmethod
    def _is_no_comment(cls, value: Any) -> Any:
        # What docker-compose 1 makes of ``NAME=   # what it is for``, which would pass for a secret.
        if isinstance(value, str) and value.startswith("# "):
            message = "is a comment: give comments in .env lines of their own"
            raise ValueError(message)
        return value

    def lacks(self) -> Iterator[str]:
        """What a process with this slice could not start without, in sentences that name the settings."""
        yield from ()

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )


_LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")


class DatabaseSettings(_Slice):
    """What commands need that only ask or change the database."""

    database_url: SecretStr = Field(examples=["postgresql://user:password@host:5432/patchpilot"])
    """``postgresql://user:password@host:5432/name``; the database needs the ``vector`` extension."""
    log_level: str = "INFO"
    """``DEBUG``, ``INFO``, ``WARNING`` or ``ERROR``; the log is one JSON object a line on standard error."""

    @field_validator("log_level")
    @classmethod
    def _is_level(cls, value: str) -> str:
        if value.strip().upper() not in _LOG_LEVELS:
            message = f"must be one of {', '.join(_LOG_LEVELS)}"
            raise ValueError(message)
        return value.strip().upper()

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
            message = "must be a PostgreSQL address such as postgresql://user:password@host:5432/patchpilot"
            raise ValueError(message)
        return value


class CommonSettings(DatabaseSettings):
    """What every role needs."""

    redis_url: SecretStr = Field(examples=["redis://host:6379/0"])
    """``redis://[:password@]host:6379/0`` or ``unix:///path``. Redis may be wiped at any moment."""
    public_url: str = "http://localhost:8000"
    """Where people reach the bot, for links."""
    lease_seconds: float = Field(default=15.0, ge=1)
    """A worker that has not renewed its lease for this long is taken for dead, and its work is resumed."""
    task_deadline_seconds: float = Field(default=3600.0, gt=0)
    """No task runs longer than this, whatever it is doing."""
    storm_places: int = Field(default=3, ge=0)
    """The same failure in this many repositories or branches becomes one storm card; 0 turns storms off."""
    storm_minutes: float = Field(default=10.0, gt=0, le=24 * 60)
    """Incidents further apart than this do not make a storm."""

    @field_validator("public_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        if not _plain_address(value):
            message = "must be an address such as https://patchpilot.example.com"
            raise ValueError(message)
        return value

    @field_validator("storm_places")
    @classmethod
    def _is_off_or_several(cls, value: int) -> int:
        if value == 1:
            message = "must be 0 (no storms) or at least 2: one place is no storm"
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
    """Needed, with its key, or a token: id of the read-only GitHub App
    (``deploy/github-app-reader.json``)."""
    github_reader_private_key: SecretStr = SecretStr("")
    """Its private key, PEM text or the path of a file with it."""
    github_reader_token: SecretStr = SecretStr("")
    """Instead of the App: a fine-grained token with read access to contents, actions and metadata."""

    def lacks(self) -> Iterator[str]:
        """See :class:`_Slice`."""
        yield from lacking_app(
            "GITHUB_READER_",
            app_id=self.github_reader_app_id,
            key=self.github_reader_private_key.get_secret_value(),
            token=self.github_reader_token.get_secret_value(),
        )


class BotSettings(CommonSettings, GitHubReaderSettings):
    """The role that faces people: webhooks, Slack, REST API. No model key, no Docker, no write token."""

    github_webhook_secret: SecretStr
    """Checks ``X-Hub-Signature-256``; without it anybody could start heals, so there is no start then."""
    slack_bot_token: SecretStr = Field(examples=["xoxb-…"])
    """``xoxb-…``"""
    slack_signing_secret: SecretStr = Field(default=SecretStr(""), examples=["0" * 32])
    """Checks Slack's HTTP requests; needed unless Socket Mode is used."""
    slack_app_token: SecretStr = SecretStr("")
    """``xapp-…`` turns on Socket Mode: no public URL is needed for Slack then."""
    slack_api_url: str = "https://slack.com/api/"
    """Where Slack's Web API is; other than the default only for the playground and for tests."""
    slack_client_id: str = ""
    """Client id of the Slack app: other workspaces can add it at ``PUBLIC_URL/slack/install`` then."""
    slack_client_secret: SecretStr = SecretStr("")
    """Its client secret."""
    slack_token_keys: SecretStr = SecretStr("")
    """Keys that seal those workspaces' tokens in the database, parted by commas. The first one seals; with
    the next start of the bot, what the others have sealed is sealed anew, and they may go."""
    slack_workspaces: str = ""
    """Ids (``T…``) of the workspaces that may add the app, parted by commas; empty for none."""
    slack_channel: str = "#ci"
    """Channel for failures of repositories that nobody has routed elsewhere, private ones too: ``#name`` or
    an id."""
    github_app_client_id: str = ""
    """Client id of a GitHub App: people link their accounts by GitHub's sign-in then (`/patchpilot link`)."""
    github_app_client_secret: SecretStr = SecretStr("")
    """That App's client secret. Its callback URL is ``PUBLIC_URL/auth/github/callback``."""
    user_day_requests: int = Field(default=30, ge=0)
    """How many requests that make work (diagnose, retry, retest, fix) one person has a day (UTC)."""
    slack_channel_branches: str = ""
    """Branches whose failures come to ``SLACK_CHANNEL``, patterns parted by commas (``main,rel/*``); empty
    for each repository's default branch."""
    slack_admin: str = ""
    """Who hears of channels that can't be reached: a person's or a channel's id; empty for nobody."""
    slack_escalation_group: str = ""
    """Id of the user group (``S…``) that Escalate offers to call; empty for none."""
    slack_mention_author: bool = True
    """Mention the author of a suspect commit, once per incident, where their account is linked."""
    digest_at: str = "mon@09:00"
    """When ``SLACK_CHANNEL`` gets its weekly digest; empty for never. Other channels say so themselves."""
    digest_timezone: str = "UTC"
    """Time zone of that, for instance ``Europe/Berlin``. Others name theirs or get that of who subscribes
    them."""
    digest_minutes_per_fix: int = Field(default=45, ge=0, le=10_000)
    """What a fix that landed and held is taken to have saved, in minutes; the digest shows the formula."""
    api_token: SecretStr = SecretStr("")
    """Bearer token for the REST API's changing calls; without it those calls are refused."""
    trusted_proxies: str = "127.0.0.1"
    """Addresses or networks of your reverse proxies, parted by commas, as the bot sees them: who asks is read
    from their ``X-Forwarded-For``, and so many may begin to sign in from there in a minute."""

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        for part in _parted(value):
            try:
                ip_network(part)
            except ValueError:
                message = f"{part!r} is no address or network such as 172.18.0.1 or 10.0.0.0/8"
                raise ValueError(message) from None
        return ",".join(_parted(value))

    @field_validator("digest_at")
    @classmethod
    def _is_digest_time(cls, value: str) -> str:
        return str(read_digest_time(value)) if value.strip() else ""

    @field_validator("digest_timezone")
    @classmethod
    def _is_time_zone(cls, value: str) -> str:
        try:
            return ZoneInfo(value).key
        except (ZoneInfoNotFoundError, ValueError, OSError):
            message = f"{value!r} is no time zone; write for instance UTC or Europe/Berlin"
            raise ValueError(message) from None

    @property
    def token_keys(self) -> list[str]:
        """``slack_token_keys``, if other workspaces may add the app; else none."""
        return _parted(self.slack_token_keys.get_secret_value()) if self.slack_client_id else []

    @property
    def slack_allowed_workspaces(self) -> frozenset[str]:
        """``slack_workspaces``, read."""
        return frozenset(_parted(self.slack_workspaces))

    @model_validator(mode="after")
    def _installs_are_whole(self) -> BotSettings:
        rest = {
            "SLACK_CLIENT_SECRET": self.slack_client_secret.get_secret_value(),
            "SLACK_TOKEN_KEYS": self.slack_token_keys.get_secret_value().strip(", "),
            "SLACK_SIGNING_SECRET": self.slack_signing_secret.get_secret_value(),
        }
        missing = [name for name, value in rest.items() if not value]
        if not all(map(_is_fernet_key, self.token_keys)):
            message = (
                "SLACK_TOKEN_KEYS holds what is no key of 32 bytes in URL-safe base64; make one with: "
                'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
            )
            raise ValueError(message)
        if self.slack_client_id and missing:
            message = (
                f"SLACK_CLIENT_ID lets other workspaces add the app, which needs {', '.join(missing)} too"
            )
            raise ValueError(message)
        return self

    @property
    def digest_time(self) -> DigestTime | None:
        """``digest_at``, read."""
        return read_digest_time(self.digest_at) if self.digest_at else None

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


def assignments(text: str) -> dict[str, str]:
    """Read ``NAME=value NAME="other value"``. Raises ``ValueError`` without any value: it may be secret."""
    try:
        words = shlex.split(text)
    except ValueError:
        message = "has a quotation mark without its partner"
        raise ValueError(message) from None
    found = {}
    for number, word in enumerate(words, start=1):
        name, equals, value = word.partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name, re.ASCII):
            message = f"word {number} is no NAME=value"
            raise ValueError(message)
        found[name] = value
    return found


class SandboxSettings(_Slice):
    """The sandbox in which a repository's own commands run."""

    model_config = SettingsConfigDict(env_prefix="SANDBOX_", env_file=".env", extra="ignore", frozen=True)

    engine: SandboxEngine = SandboxEngine.AUTO
    """``auto`` (Docker if it has an image, else bubblewrap), ``docker``, ``bubblewrap`` or ``none``."""
    image: str = ""
    """Image for Docker; empty for the locally built ``patchpilot-sandbox:latest``."""
    images: str = ""
    """Images for what jobs ask for, instead of that one: ``python:3.12=ci-python:3.12, node:*=ci-node:20``.
    The engine must have them; what a repository itself names is never pulled."""
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
    prepare: bool = True
    """Install what a job installs, from the base commit's lock file, in a step of its own with network but
    without the repository's code; ``off`` where nothing may reach a network."""
    prepare_changed: bool = False
    """Also install from a lock file that the failing commit changed on its branch, not only the base's."""
    prepare_env: SecretStr = SecretStr("")
    """Variables for that step alone, parted by spaces: ``PIP_INDEX_URL=https://user:key@index.example/simple
    npm_config_registry=https://npm.example GOPROXY=https://go.example``. Commands never see them."""
    prepare_network: str = Field(default="bridge", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    """Docker network of that step, for instance one that reaches only a proxy or a mirror."""
    prepare_ca: Path | None = None
    """A PEM file of certificate authorities that the step trusts, where an index has its own."""
    prepare_seconds: float = Field(default=600.0, gt=0)
    """Hard limit of the step, in seconds."""
    prepare_memory_mb: int = Field(default=1536, ge=128)
    """Hard limit of the step, in MiB."""
    layer_gb: float = Field(default=3.0, gt=0)
    """Most that one job's installed dependencies may have, in GB."""
    layers_gb: float = Field(default=10.0, gt=0)
    """Most that all kept ones may have together, in GB; those unused for longest go first."""
    layers: Path | None = None
    """Folder for them (bubblewrap) or for their locks (Docker); empty for ``~/.cache/patchpilot/layers``."""

    @property
    def image_table(self) -> ImageTable:
        """``images``, read."""
        return ImageTable.parse(self.images)

    @field_validator("prepare_env")
    @classmethod
    def _is_environment(cls, value: SecretStr) -> SecretStr:
        assignments(value.get_secret_value())
        return value

    @field_validator("images")
    @classmethod
    def _is_image_table(cls, value: str) -> str:
        ImageTable.parse(value)
        return value


class WorkerSettings(CommonSettings, GitHubReaderSettings):
    """The role next to untrusted code: queue ``heal``. Model key and Docker, but it can write nowhere."""

    anthropic_api_key: SecretStr = SecretStr("")
    """Without it PatchPilot heals by fixers and memory alone, and says so."""
    anthropic_base_url: str = "https://api.anthropic.com"
    """Another address for gateways and tests."""
    anthropic_model: str = "claude-sonnet-5-5"
    """Any model in the price table (``agent/prices.py``); others are refused, since budgets fail closed."""
    anthropic_effort: Literal["", "low", "medium", "high", "xhigh", "max"] = ""
    """How hard the model tries; empty for its own default. Not every model has every level."""
    anthropic_thinking: Literal["", "adaptive", "between_tools"] = ""
    """When the model thinks; empty for its own default. Models before 5 think only with ``adaptive``."""
    anthropic_max_tokens: int = Field(default=16_000, ge=1_000, le=64_000)
    """Most tokens of one answer, thinking included; an answer that was cut off may have twice as many, where
    the model can write as much."""
    repair_max_turns: int = Field(default=40, ge=1, le=200)
    """Most answers of the model in one try at a repair."""
    repair_candidates: int = Field(default=3, ge=1, le=10)
    """How often the model may propose in one attempt: again after a refusal, or for a smaller patch."""
    heal_max_dollars: Decimal = Field(default=Decimal("1.00"), ge=0)
    """Most that one heal may spend on model calls. A call is made only if its longest answer
    (``ANTHROPIC_MAX_TOKENS``) would still be within."""
    heal_max_tokens: int = Field(default=1_500_000, ge=0)
    """Most tokens that one heal may use: input, with what the prompt cache gives back, and output."""
    repo_day_max_dollars: Decimal = Field(default=Decimal("20.00"), ge=0)
    """Most that all heals of one repository may spend in one day (UTC)."""
    repo_day_max_tokens: int = Field(default=30_000_000, ge=0)
    """Most tokens that they may use in one day, counted as for one heal."""
    approval_hours: float = Field(default=72, gt=0, le=24 * 30)
    """After this many hours without a decision, a proposal expires."""
    proof_runs: int = Field(default=2, ge=1, le=20)
    """How often the failing command must be green with a patch."""
    flaky_runs: int = Field(default=4, ge=2, le=50)
    """How often a failure that is not red at first replay, or is a test, is run to see whether it flakes."""
    rerun_flaky: bool = False
    """Have CI run the failed jobs again, once per run, where the verdict is flaky, infrastructure or timeout.
    The effects role does it, so it needs the same setting."""
    policy: Mode = Mode.ASK
    """What holds where a repository's ``.patchpilot.yml`` says nothing: ``ask`` (a named human approves every
    patch), ``diagnose`` (nothing is run or patched) or ``draft`` (see ``POLICY_CATEGORIES``)."""
    policy_at_most: Mode = Mode.DRAFT
    """The most that a repository's own policy may allow: ``diagnose``, ``ask`` or ``draft``."""
    policy_categories: str = ""
    """With ``POLICY=draft``: kinds of failure, parted by commas (``lint, format``), whose fixes become draft
    pull requests without asking."""
    policy_confidence: float = Field(default=0.9, ge=LEAST_CONFIDENCE, le=1)
    """With ``POLICY=draft``: from which confidence on."""
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
    sandbox: Annotated[SandboxSettings, NoDecode] = Field(default_factory=SandboxSettings)

    @field_validator("sandbox", mode="before")
    @classmethod
    def _is_read_from_names_of_its_own(cls, value: object) -> object:
        # A variable that is called SANDBOX is somebody else's.
        if isinstance(value, str):
            raise PydanticUseDefault
        return value

    @property
    def default_policy(self) -> Policy:
        """What holds for a repository that says nothing."""
        wanted = (name.strip() for name in self.policy_categories.split(","))
        categories = frozenset(Category(name) for name in wanted if name)
        confidence = self.policy_confidence
        return Policy(
            mode=self.policy, categories=categories, confidence=confidence, source="the operator's settings"
        )

    @field_validator("policy_categories")
    @classmethod
    def _are_categories(cls, value: str) -> str:
        known = {category.value for category in Category}
        strange = [name for part in value.split(",") if (name := part.strip()) and name not in known]
        if strange:
            message = f"{', '.join(strange)} is no kind of failure; there are {', '.join(sorted(known))}"
            raise ValueError(message)
        return value

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


class _LocalSandboxSettings(SandboxSettings):
    model_config = SettingsConfigDict(env_file=None)


class LocalSettings(WorkerSettings):
    """The worker's settings for one heal on the command line, without database and queue.

    No ``.env`` is read: the folder at hand is the repository that is to be healed, and its own file could
    send the model key to an address of its choice.
    """

    model_config = SettingsConfigDict(env_file=None)

    database_url: SecretStr = SecretStr("")
    """The memory's database; empty for none."""
    redis_url: SecretStr = SecretStr("")
    """Not used."""
    sandbox: Annotated[SandboxSettings, NoDecode] = Field(default_factory=_LocalSandboxSettings)

    @field_validator("database_url", "redis_url", mode="plain")
    @classmethod
    def _as_given(cls, value: object) -> SecretStr:
        # Whoever heals a web service has its DATABASE_URL set: what it holds is judged where it is used.
        return value if isinstance(value, SecretStr) else SecretStr(str(value))

    @field_validator("public_url", "log_level", mode="plain")
    @classmethod
    def _unread(cls, value: object) -> str:
        # The same: a name that many programs use, and that one heal does not need.
        return str(value)

    def lacks(self) -> Iterator[str]:
        """Nothing: the checkout is here."""
        yield from ()


class EffectsSettings(CommonSettings):
    """The role that writes branches and pull requests: queue ``effects``. No model key, no Docker."""

    github_api_url: str = "https://api.github.com"
    """``https://HOST/api/v3`` for GitHub Enterprise Server."""
    github_app_id: str = ""
    """Needed, with its key, or a token: id of the GitHub App that writes (``deploy/github-app.json``)."""
    github_private_key: SecretStr = SecretStr("")
    """Its private key, PEM text or the path of a file with it."""
    github_token: SecretStr = SecretStr("")
    """Instead of the App: a token that may write contents and pull requests."""
    rerun_flaky: bool = False
    """May ask for a rerun of failed jobs, as the worker's setting of this name wants. Only then is a token
    with ``actions: write`` asked for, so grant the App that permission first."""
    pull_request_stays_draft: bool = False
    """Leave pull requests drafts when their CI is green; otherwise they are marked ready for review then."""
    ci_start_minutes: float = Field(default=3.0, gt=0, le=24 * 60)
    """After so many minutes without any CI on a fix, the thread says why and what to do."""
    keep_deliveries_days: float = Field(default=7, ge=3)
    """For how many days webhook deliveries, requests and sign-ins are remembered, so that a repeat changes
    nothing; GitHub redelivers for three days."""
    keep_tasks_days: float = Field(default=30, ge=1)
    """For how many days done tasks are kept, and where a heal stood that can't go on any more. Those of open
    incidents stay."""
    keep_events_days: float = Field(default=90, ge=15)
    """For how many days events of incidents that are over are kept; the weekly digest looks back on two
    weeks. Incidents, proposals, decisions and the memory stay for good."""

    def lacks(self) -> Iterator[str]:
        """See :class:`_Slice`."""
        yield from lacking_app(
            "GITHUB_",
            app_id=self.github_app_id,
            key=self.github_private_key.get_secret_value(),
            token=self.github_token.get_secret_value(),
        )


def lacking_app(prefix: str, *, app_id: str, key: str, token: str) -> Iterator[str]:
    """What is missing for calls to GitHub, where neither an App is whole nor a token is there."""
    if token.strip() or (app_id.strip() and key.strip()):
        return
    if app_id.strip() or key.strip():
        missing = "PRIVATE_KEY" if app_id.strip() else "APP_ID"
        yield f"{prefix}{missing} is not set: a GitHub App needs both its id and its key"
    else:
        yield (
            f"no GitHub credentials: set {prefix}APP_ID and {prefix}PRIVATE_KEY, which `patchpilot setup "
            f"github` makes, or {prefix}TOKEN"
        )


def _parted(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def _is_fernet_key(value: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(value)) == 32  # noqa: PLR2004 - Fernet's own rule
    except ValueError:
        return False


def _plain_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        return False
    named = parts.scheme in {"http", "https"} and bool(parts.hostname) and port != 0
    return named and parts.username is None and not parts.query and not parts.fragment


Slice = TypeVar("Slice", bound=_Slice)


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined(Generic[Slice]):
    """A slice that was read, and everything that keeps a process from starting with it."""

    settings: Slice | None
    """With stand-ins for what is ``unusable``; ``None`` where even those do not make it whole."""
    problems: tuple[str, ...]
    unusable: frozenset[str]
    """Settings that the problems are about, as the environment names them."""


def load(kind: type[Slice]) -> Slice:
    """Read one role's slice; raises :class:`ConfigurationError` naming every setting to mend."""
    found = examine(kind)
    if found.settings is None or found.problems:
        raise ConfigurationError("settings can't be used:\n  " + "\n  ".join(found.problems))
    return found.settings


def examine(kind: type[Slice]) -> Examined[Slice]:
    """Read one role's slice as far as it goes.

    A check of several settings together comes after those of each. So whatever is wrong gets a stand-in, and
    the slice is read again, until nothing new is found: people are to hear of all of it at once.
    """
    stand_ins: dict[str, Any] = {}
    problems: list[str] = []
    unusable: set[str] = set()
    found: Slice | None = None
    while found is None:
        try:
            found = kind(**stand_ins)
        except UnicodeDecodeError:
            problems.append(".env is no UTF-8 text: write a line NAME=value for each setting")
            break
        except ValidationError as error:
            told = _explain(error, kind)
            # What a stand-in does not go together with is nobody's doing.
            problems += [text for names, text in told if not names & unusable]
            unusable.update(*(names for names, _ in told))
            fresh = _stand_ins(error, kind, unusable).items() - stand_ins.items()
            if not {name for name, _ in fresh} - stand_ins.keys():
                break
            stand_ins |= dict(fresh)
    for text in found.lacks() if found is not None else ():
        problems.append(text)
        unusable |= _named(text)
    return Examined(settings=found, problems=tuple(problems), unusable=frozenset(unusable))


def _stand_ins(error: ValidationError, kind: type[BaseSettings], unusable: set[str]) -> dict[str, Any]:
    prefix = str(kind.model_config.get("env_prefix", "")).upper()
    found: dict[str, Any] = {}
    for name, field in kind.model_fields.items():
        inner = field.default_factory
        if isinstance(inner, type) and issubclass(inner, BaseSettings) and inner.__name__ == error.title:
            found[name] = inner.model_construct()
        elif f"{prefix}{name.upper()}" in unusable:
            default = "stand-in" if field.is_required() else field.get_default()
            found[name] = field.examples[0] if field.examples else default
    return found


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


def _explain(error: ValidationError, kind: type[BaseSettings]) -> list[tuple[set[str], str]]:
    """What is wrong, each with the settings that it is about."""
    prefix = _prefixes(kind).get(error.title, "")
    told = []
    for problem in error.errors(include_url=False, include_input=False):
        text = problem["msg"].removeprefix("Value error, ").replace("Input should be ", "must be ")
        if not problem["loc"]:
            told.append((_named(text), text))
            continue
        name = prefix + "_".join(str(part) for part in problem["loc"]).upper()
        if problem["type"] == "missing":
            text = _missing(kind, str(problem["loc"][0]))
        elif problem["type"] == "bool_parsing":
            text = "must be true or false"
        told.append(({name}, f"{name}: {text}"))
    return told


def _missing(kind: type[BaseSettings], name: str) -> str:
    field = kind.model_fields[name]
    if field.examples:
        return f"is not set; write for instance {field.examples[0]}"
    return f"is not set. {' '.join((field.description or '').replace('``', '').split())}".removesuffix(".")


def _named(text: str) -> set[str]:
    """The settings that a sentence names."""
    return set(re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", text))


def _prefixes(kind: type[BaseSettings]) -> dict[str, str]:
    """What the environment's names of a slice, and of the slices in it, begin with, by the class's name.

    A slice within another one is read by itself, so its errors name its own fields only.
    """
    found = {kind.__name__: str(kind.model_config.get("env_prefix", "")).upper()}
    for field in kind.model_fields.values():
        inner = field.default_factory
        if isinstance(inner, type) and issubclass(inner, BaseSettings):
            found |= _prefixes(inner)
    return found
