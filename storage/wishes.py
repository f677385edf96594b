"""Tables of what people wish: what comes where, what is muted, who wants to be linked, what was asked."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Boolean, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.columns import CleanText, Empty, Key, Now, Serial, Table, Zero

_NO = text("false")


class SubscriptionRow(Table):
    """Failures of one repository, or of all of an owner's, that a channel wants."""

    __tablename__ = "subscriptions"
    __table_args__ = (
        UniqueConstraint(
            "team", "channel", "host", "repo", "workflow", "test", name="subscriptions_once_per_channel"
        ),
        Index("subscriptions_of_repo", "host", "repo"),
    )

    id: Mapped[Serial]
    team: Mapped[str]
    channel: Mapped[str]
    private: Mapped[bool]
    """The channel was private when it subscribed."""
    host: Mapped[str]
    repo: Mapped[str]
    """``owner/name``, or ``owner/*``."""
    branches: Mapped[Empty]
    """Patterns parted by commas; empty for the default branch."""
    workflow: Mapped[Empty]
    test: Mapped[Empty]
    level: Mapped[str]
    digest: Mapped[Empty]
    """``mon@09:00``, or empty for none."""
    digest_since: Mapped[Now]
    """When that digest was asked for."""
    zone: Mapped[Empty]
    author: Mapped[str]
    """Login of who subscribed."""
    created_at: Mapped[Now]


class MuteRow(Table):
    """Silence that somebody asked for, with its end."""

    __tablename__ = "mutes"
    __table_args__ = (Index("mutes_of_repo", "host", "repo", "until"),)

    id: Mapped[Serial]
    host: Mapped[str]
    repo: Mapped[str]
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incidents.id"), index=True)
    """``None`` for the whole repository, or one of its tests."""
    test: Mapped[Empty]
    why: Mapped[Empty]
    author: Mapped[str]
    until: Mapped[datetime]
    """It ends then, or earlier if somebody says so."""
    created_at: Mapped[Now]


class QuietHoursRow(Table):
    """When a channel hears only of approvals on the default branch."""

    __tablename__ = "quiet_hours"

    team: Mapped[Key]
    channel: Mapped[Key]
    hours: Mapped[str]
    """``22:00-07:00``."""
    zone: Mapped[str]
    author: Mapped[str]
    set_at: Mapped[Now]


class HeldNews(Table):
    """An incident that a channel has not been told of because of its quiet hours."""

    __tablename__ = "held_news"

    team: Mapped[str] = mapped_column(CleanText, primary_key=True, server_default="")
    """Empty for the operator's own workspace."""
    channel: Mapped[Key]
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"), primary_key=True)
    held_at: Mapped[Now]


class RepoRulesRow(Table):
    """What a repository's admins have decided."""

    __tablename__ = "repo_rules"

    host: Mapped[Key]
    repo: Mapped[Key]
    two_person: Mapped[str]
    public: Mapped[bool] = mapped_column(Boolean, server_default=_NO)
    author: Mapped[str]
    set_at: Mapped[Now]


class FirstApproval(Table):
    """The first of two people's approvals on one exact proposal."""

    __tablename__ = "first_approvals"

    approval_id: Mapped[str] = mapped_column(CleanText, ForeignKey("proposals.approval_id"), primary_key=True)
    login: Mapped[str]
    at: Mapped[Now]


class LinkRequest(Table):
    """A way to the code host's sign-in that was shown to somebody. Used once, for a few minutes."""

    __tablename__ = "link_requests"
    __table_args__ = (Index("link_requests_by_time", "created_at"),)

    state_sha256: Mapped[Key]
    """Only the hash: who reads the database can't finish another's sign-in."""
    medium: Mapped[str]
    team: Mapped[str]
    account: Mapped[str]
    verifier: Mapped[str]
    """PKCE's code verifier."""
    resume: Mapped[dict[str, Any] | None]
    """What they were about to do."""
    created_at: Mapped[Now]
    used_at: Mapped[datetime | None]


class HeardRequest(Table):
    """A request that was heard, so that its repeat is answered and not done again."""

    __tablename__ = "heard_requests"
    __table_args__ = (Index("heard_requests_by_time", "at"),)

    key: Mapped[Key]
    at: Mapped[Now]
    until: Mapped[datetime]
    """Whoever took it is taken for dead after this, unless it is done."""
    ruling: Mapped[Empty]
    """Empty until it is done."""
    text: Mapped[Empty]


class DailyUse(Table):
    """How much costly work one person has asked for on one day (UTC)."""

    __tablename__ = "daily_uses"

    host: Mapped[Key]
    login: Mapped[Key]
    day: Mapped[date] = mapped_column(primary_key=True)
    used: Mapped[Zero]


class PausedPull(Table):
    """A pull request that somebody wants left alone."""

    __tablename__ = "paused_pulls"

    host: Mapped[Key]
    repo: Mapped[Key]
    number: Mapped[int] = mapped_column(primary_key=True)
    author: Mapped[str]
    why: Mapped[Empty]
    paused_at: Mapped[Now]


class HeldRun(Table):
    """The newest red run of a workflow that came while its pull request was paused."""

    __tablename__ = "held_runs"

    host: Mapped[Key]
    repo: Mapped[Key]
    number: Mapped[int] = mapped_column(primary_key=True)
    workflow: Mapped[Key]
    event: Mapped[dict[str, Any]]
    """A :class:`~patchpilot.failures.RunFinished`."""
    ordered_at: Mapped[datetime | None]
    held_at: Mapped[Now]


class Throttle(Table):
    """How often somebody has asked for something in the minute that began then."""

    __tablename__ = "throttles"

    key: Mapped[str] = mapped_column(CleanText, primary_key=True)
    begun_at: Mapped[datetime]
    used: Mapped[int]


class KnownAddress(Table):
    """The account that the code host knows by an e-mail address of commits."""

    __tablename__ = "known_addresses"

    host: Mapped[str] = mapped_column(CleanText, primary_key=True)
    address_sha256: Mapped[str] = mapped_column(CleanText, primary_key=True)
    login: Mapped[str]
    seen_at: Mapped[Now]


class DirectChoice(Table):
    """What a person wants to be told in direct messages."""

    __tablename__ = "direct_choices"

    team: Mapped[str] = mapped_column(CleanText, primary_key=True)
    account: Mapped[str] = mapped_column(CleanText, primary_key=True)
    level: Mapped[str]
    hours: Mapped[Empty]
    """Of quiet: ``22:00-07:00``, or empty for none."""
    zone: Mapped[Empty]
    since: Mapped[Now]
