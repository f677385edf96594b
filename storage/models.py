"""The tables. Migrations are written beside them, and a test proves that both agree."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Numeric,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from patchpilot.heals import HealState
from storage.columns import CleanText, Empty, Key, Now, Serial, Table, Zero

_STATES = ", ".join(f"'{state}'" for state in HealState)
_NO = text("false")


class Delivery(Table):
    """A webhook delivery that was recorded, so that a repeat of it changes nothing."""

    __tablename__ = "deliveries"
    __table_args__ = (Index("deliveries_by_time", "received_at"),)

    id: Mapped[Key]
    received_at: Mapped[Now]


class Incident(Table):
    """All failures of one repository and branch with one fingerprint."""

    __tablename__ = "incidents"
    __table_args__ = (
        # The promise "one incident, one card", kept by the database whatever the code does.
        Index(
            "incidents_one_open_per_fingerprint",
            "host",
            "repo",
            "branch",
            "fingerprint",
            unique=True,
            postgresql_where=text("open AND fingerprint <> ''"),
        ),
        Index("incidents_open", "host", "repo", "branch", "workflow", postgresql_where=text("open")),
        # Storms are made of what came within minutes of each other.
        Index("incidents_by_time", "first_seen"),
    )

    id: Mapped[Serial]
    host: Mapped[str]
    repo: Mapped[str]
    branch: Mapped[str]
    workflow: Mapped[str]
    title: Mapped[str]
    fingerprint: Mapped[Empty]
    """Empty until the log of its first failure has been read."""
    failures: Mapped[int] = mapped_column(BigInteger, server_default=text("1"))
    open: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    """False once the current heal's state is not in ``patchpilot.heals.OPEN``; never true again."""
    heal_id: Mapped[str | None] = mapped_column(
        CleanText, ForeignKey("heals.id", use_alter=True, name="incidents_heal_id_fkey"), index=True
    )
    """The current heal: the one that the card shows."""
    first_seen: Mapped[Now]
    last_seen: Mapped[Now]
    storm_id: Mapped[int | None] = mapped_column(ForeignKey("storms.id"), index=True)
    """Given once, when its log has been read or when a later incident makes it one of many."""


class Storm(Table):
    """Many incidents with one cause. Whether it is over is what its incidents say."""

    __tablename__ = "storms"
    __table_args__ = (Index("storms_by_cause", "cause_key", "id"),)

    id: Mapped[Serial]
    kind: Mapped[str]
    """A value of ``patchpilot.incidents.StormKind``."""
    cause_key: Mapped[str]
    """What its incidents have in common, as :mod:`storage.storms` writes it."""
    title: Mapped[str]
    opened_at: Mapped[Now]


class Failure(Table):
    """One red run as it was recorded at intake."""

    __tablename__ = "failures"
    __table_args__ = (
        UniqueConstraint("provider", "host", "repo", "run_id", "attempt", name="failures_run"),
        Index(
            "failures_of_pull",
            "host",
            "repo",
            "pull_request",
            postgresql_where=text("pull_request IS NOT NULL"),
        ),
    )

    id: Mapped[Serial]
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"), index=True)
    provider: Mapped[str]
    host: Mapped[str]
    repo: Mapped[str]
    run_id: Mapped[str]
    attempt: Mapped[int]
    url: Mapped[str]
    workflow: Mapped[str]
    workflow_path: Mapped[str]
    branch: Mapped[str]
    head_sha: Mapped[str]
    author: Mapped[str]
    pusher: Mapped[Empty]
    """Who set the run off, where the provider says."""
    commit_subject: Mapped[str]
    default_branch: Mapped[str]
    pull_request: Mapped[int | None]
    base_branch: Mapped[Empty]
    """What that pull request is to be merged into; empty without one, and where the provider doesn't say."""
    from_fork: Mapped[bool]
    private: Mapped[bool] = mapped_column(Boolean, server_default=_NO)
    """The repository was not open to everybody when it was reported."""
    ordered_at: Mapped[datetime | None]
    received_at: Mapped[Now]


class Heal(Table):
    """One attempt of ours to cure an incident."""

    __tablename__ = "heals"
    __table_args__ = (
        CheckConstraint(f"state IN ({_STATES})", name="heals_state"),
        Index("heals_by_state", "state", text("created_at DESC"), text("id DESC")),
        Index("heals_by_time", text("created_at DESC"), text("id DESC")),
        Index(
            "heals_by_pull_request", "pull_request_branch", postgresql_where=text("pull_request_branch <> ''")
        ),
        Index("heals_expiring", "approval_expires_at", postgresql_where=text("state = 'awaiting_approval'")),
    )

    id: Mapped[Key]
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"), index=True)
    failure_id: Mapped[int] = mapped_column(ForeignKey("failures.id"), unique=True)
    retested_id: Mapped[int | None] = mapped_column(ForeignKey("failures.id"))
    """The later red run of the same failure on whose commit its fix has been tested anew, if it has."""
    state: Mapped[str]
    reason: Mapped[Empty]
    attempt: Mapped[int] = mapped_column(BigInteger, server_default=text("1"))
    settled: Mapped[bool] = mapped_column(Boolean, server_default=_NO)
    """Its log has been read and its incident found."""
    joined: Mapped[int | None]
    """Number of the older incident that took its failure over."""
    distilled: Mapped[dict[str, Any] | None]
    diagnosis: Mapped[dict[str, Any] | None]
    partial: Mapped[dict[str, Any] | None]
    """What an attempt that ended without proof left behind; never anything that could be approved."""
    approval_id: Mapped[str] = mapped_column(CleanText, server_default="", index=True)
    approval_expires_at: Mapped[datetime | None]
    dollars: Mapped[Decimal] = mapped_column(Numeric(14, 6), server_default=text("0"))
    input_tokens: Mapped[Zero]
    output_tokens: Mapped[Zero]
    model_calls: Mapped[Zero]
    pull_request_number: Mapped[int | None]
    pull_request_url: Mapped[Empty]
    pull_request_branch: Mapped[Empty]
    pull_request_sha: Mapped[Empty]
    pull_request_ci: Mapped[Empty]
    pull_request_review: Mapped[Empty]
    """``approved`` or ``changes requested``: what the last review said."""
    delivery: Mapped[Empty]
    """How the fix was handed over; a value of ``patchpilot.source.Delivery``."""
    merge_sha: Mapped[Empty]
    outcome: Mapped[Empty]
    """What became of its pull request; a value of ``patchpilot.fixes.Outcome``."""
    lease_owner: Mapped[Empty]
    lease_token: Mapped[Zero]
    """Fencing token: one more with every holder, so that a late write of an earlier one is refused."""
    lease_until: Mapped[datetime | None]
    created_at: Mapped[Now]
    updated_at: Mapped[Now]
    diagnosed_at: Mapped[datetime | None]
    proposed_at: Mapped[datetime | None]
    pull_request_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]

    @property
    def base_id(self) -> int:
        """The red run whose commit patches are made and proved on."""
        return self.retested_id or self.failure_id


class Step(Table):
    """One line of a heal's progress list."""

    __tablename__ = "steps"
    __table_args__ = (Index("steps_of_heal", "heal_id", "id"),)

    id: Mapped[Serial]
    heal_id: Mapped[str] = mapped_column(ForeignKey("heals.id"))
    attempt: Mapped[int]
    name: Mapped[str]
    text: Mapped[str]
    doing: Mapped[Empty]
    """What it is at right now, while it runs."""
    started_at: Mapped[Now]
    finished_at: Mapped[datetime | None]


class ProposedFix(Table):
    """A proposal that people were asked about; kept, so that an old button can be told from a new one."""

    __tablename__ = "proposals"
    __table_args__ = (UniqueConstraint("heal_id", "attempt", "patch_sha256", name="proposals_once"),)

    approval_id: Mapped[Key]
    heal_id: Mapped[str] = mapped_column(ForeignKey("heals.id"))
    attempt: Mapped[int]
    patch_sha256: Mapped[str]
    base_sha: Mapped[str]
    fix: Mapped[dict[str, Any]]
    created_at: Mapped[Now]
    expires_at: Mapped[datetime]
    outcome: Mapped[Empty]
    """What became of this very proposal; a value of ``patchpilot.fixes.Outcome``, empty until known, and
    where the same patch was asked about again."""


class Decision(Table):
    """What a named human decided; only decisions that were applied."""

    __tablename__ = "decisions"
    __table_args__ = (
        Index("decisions_by_command", "command_key", unique=True, postgresql_where=text("command_key <> ''")),
        Index("decisions_of_heal", "heal_id", "id"),
    )

    id: Mapped[Serial]
    heal_id: Mapped[str] = mapped_column(ForeignKey("heals.id"))
    approval_id: Mapped[str]
    attempt: Mapped[int]
    """The attempt that it starts (retry, retest) or ends (all others)."""
    verb: Mapped[str]
    actor: Mapped[str]
    medium: Mapped[str]
    patch_sha256: Mapped[str]
    text: Mapped[str]
    command_key: Mapped[str]
    options: Mapped[dict[str, Any] | None]
    """What was asked for besides the verb; keys as :class:`~patchpilot.commands.Command` names them."""
    at: Mapped[Now]
    host_login: Mapped[Empty]
    """The linked account on the code host, for attribution."""
    host_user_id: Mapped[int | None]


class ThreadNote(Table):
    """Something that people are told about a heal beside its state; edited in place by its key."""

    __tablename__ = "thread_notes"

    heal_id: Mapped[str] = mapped_column(CleanText, ForeignKey("heals.id"), primary_key=True)
    key: Mapped[Key]
    text: Mapped[str]
    url: Mapped[Empty]
    at: Mapped[Now]


class HappenedEvent(Table):
    """The event log; see :mod:`storage.events` for why ``txid`` comes first."""

    __tablename__ = "events"
    __table_args__ = (Index("events_in_order", "txid", "id"), Index("events_by_time", "at"))

    id: Mapped[Serial]
    txid: Mapped[int] = mapped_column(
        BigInteger, server_default=text("((pg_current_xact_id())::text)::bigint")
    )
    kind: Mapped[str]
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"), index=True)
    heal_id: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    data: Mapped[dict[str, Any]]


class ConsumerCursor(Table):
    """How far a consumer of the event log has read."""

    __tablename__ = "cursors"

    consumer: Mapped[Key]
    txid: Mapped[int]
    event_id: Mapped[int]
    updated_at: Mapped[Now]


class QueuedTask(Table):
    """A row of the outbox: work that must be done, whatever happens to Redis."""

    __tablename__ = "tasks"
    __table_args__ = (
        Index("tasks_due", "not_before", postgresql_where=text("done_at IS NULL")),
        Index("tasks_done", "done_at", postgresql_where=text("done_at IS NOT NULL")),
    )

    id: Mapped[Serial]
    queue: Mapped[str]
    name: Mapped[str]
    args: Mapped[dict[str, Any]]
    key: Mapped[str] = mapped_column(CleanText, unique=True)
    not_before: Mapped[Now]
    sent_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    attempts: Mapped[Zero]
    error: Mapped[Empty]
    lease_owner: Mapped[Empty]
    lease_token: Mapped[Zero]
    lease_until: Mapped[datetime | None]
    created_at: Mapped[Now]


class OutsideEffect(Table):
    """A row of the side-effect ledger."""

    __tablename__ = "effects"
    __table_args__ = (Index("effects_of_incident", "incident_id", "kind"),)

    key: Mapped[Key]
    kind: Mapped[str]
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incidents.id"))
    """None for what belongs to no incident: a digest."""
    outside: Mapped[dict[str, Any] | None]
    digest: Mapped[Empty]
    begun_at: Mapped[Now]
    finished_at: Mapped[datetime | None]


class BranchRun(Table):
    """The latest run of one workflow on one branch, where somebody will ask for it.

    Kept for green runs (a red one that is reported late is old news then) and for all runs of our own fix
    branches (which may finish before the pull request's number has been recorded).
    """

    __tablename__ = "branch_runs"

    host: Mapped[Key]
    repo: Mapped[Key]
    branch: Mapped[Key]
    workflow: Mapped[Key]
    head_sha: Mapped[str]
    succeeded: Mapped[bool]
    ordered_at: Mapped[datetime | None]
    received_at: Mapped[Now]


class RepoDay(Table):
    """What the heals of one repository have spent on one day (UTC)."""

    __tablename__ = "repo_days"

    host: Mapped[Key]
    repo: Mapped[Key]
    day: Mapped[date] = mapped_column(primary_key=True)
    dollars: Mapped[Decimal] = mapped_column(Numeric(14, 6), server_default=text("0"))
    tokens: Mapped[Zero]


class Reservation(Table):
    """What is set aside for a model call that is under way, so that two heals can't spend the same dollar."""

    __tablename__ = "reservations"
    __table_args__ = (Index("reservations_of_repo", "host", "repo"),)

    heal_id: Mapped[str] = mapped_column(CleanText, ForeignKey("heals.id"), primary_key=True)
    host: Mapped[str]
    repo: Mapped[str]
    dollars: Mapped[Decimal] = mapped_column(Numeric(14, 6))
    tokens: Mapped[Zero]
    until: Mapped[datetime]


class AccountLink(Table):
    """Which account on the code host a person of a chat medium is."""

    __tablename__ = "links"

    medium: Mapped[Key]
    team: Mapped[Key]
    account: Mapped[Key]
    host: Mapped[str]
    login: Mapped[str]
    host_user_id: Mapped[int | None]
    linked_at: Mapped[Now]
