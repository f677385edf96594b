"""What the playground's GitHub remembers: accounts, repositories, pull requests, runs, Apps, tokens."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from playground.github.gitstore import GitStore


def now() -> datetime:
    """The present in UTC, to the second as GitHub reports it."""
    return datetime.now(UTC).replace(microsecond=0)


class Role(enum.IntEnum):
    """What a person may do on a repository, least first.
    https://docs.github.com/en/organizations/managing-user-access-to-your-organizations-repositories/managing-repository-roles/repository-roles-for-an-organization
    """

    NONE = 0
    READ = 1
    TRIAGE = 2
    WRITE = 3
    MAINTAIN = 4
    ADMIN = 5

    @classmethod
    def named(cls, name: str) -> Role:
        """The role of that name; raises :class:`ValueError` that lists the names."""
        try:
            return cls[name.upper()]
        except KeyError:
            names = ", ".join(role.name.lower() for role in cls if role)
            raise ValueError(f"{name!r} is not a role on a repository: use one of {names}") from None

    @property
    def label(self) -> str:
        """The name in lower case, as the API has it."""
        return self.name.lower()

    @property
    def legacy(self) -> str:
        """The older, coarser word: triage counts as read, maintain as write."""
        return {Role.TRIAGE: "read", Role.MAINTAIN: "write"}.get(self, self.label)


@dataclass(slots=True, kw_only=True)
class Account:
    """A person, an organisation or the bot account of an App."""

    id: int
    login: str
    kind: str = "User"
    """``User``, ``Organization`` or ``Bot``."""
    name: str = ""

    @property
    def email(self) -> str:
        """The no-reply address that commits made on the site carry."""
        return f"{self.id}+{self.login}@users.noreply.github.com"

    @property
    def display_name(self) -> str:
        """The name for commits."""
        return self.name or self.login


@dataclass(slots=True, kw_only=True)
class App:
    """A registered GitHub App. Its webhook is told about everything its permissions let it see."""

    id: int
    slug: str
    name: str
    public_key_pem: str
    permissions: dict[str, str]
    events: tuple[str, ...]
    webhook_url: str
    webhook_secret: str
    bot: Account
    client_id: str = ""
    """For sign-in, with a secret and the one address that it comes back to; empty without sign-in."""
    client_secret: str = ""
    callback_url: str = ""
    everywhere: bool = True
    """Installed on every owner, also on those that come later."""
    created_at: datetime = field(default_factory=now)


@dataclass(slots=True, kw_only=True)
class Installation:
    """An App installed on one account."""

    id: int
    app: App
    account: Account
    repositories: frozenset[str] | None = None
    """Lower-case full names, ``None`` for all repositories of the account."""
    created_at: datetime = field(default_factory=now)

    def covers(self, full_name: str) -> bool:
        """Whether the installation reaches this repository."""
        name = full_name.lower()
        if name.split("/")[0] != self.account.login.lower():
            return False
        return self.repositories is None or name in self.repositories


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An installation's or a person's token."""

    value: str
    account: Account
    """Who acts: the person, or the App's bot account."""
    installation: Installation | None = None
    permissions: Mapping[str, str] = field(default_factory=dict)
    """Of an installation token; a person's rights come from their role."""
    repositories: frozenset[str] | None = None
    expires_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Reaction:
    """An emoji under a comment."""

    id: int
    account: Account
    content: str
    created_at: datetime = field(default_factory=now)


@dataclass(slots=True, kw_only=True)
class Comment:
    """A comment in a pull request's conversation."""

    id: int
    author: Account
    body: str
    app: App | None = None
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)
    reactions: list[Reaction] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class LineComment:
    """A comment on a line of a pull request's diff."""

    id: int
    author: Account
    body: str
    path: str
    line: int | None
    side: str
    commit_id: str
    start_line: int | None = None
    review_id: int | None = None
    reply_to: int | None = None
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)
    reactions: list[Reaction] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Review:
    """A review of a pull request; ``state`` is APPROVED, CHANGES_REQUESTED, COMMENTED or PENDING."""

    id: int
    author: Account
    body: str
    state: str
    commit_id: str
    submitted_at: datetime = field(default_factory=now)


@dataclass(slots=True, kw_only=True)
class Label:
    """A label of a repository."""

    id: int
    name: str
    color: str = "ededed"
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PullFacts:
    """What a pull request's details need from git and from the checks."""

    mergeable: bool | None
    mergeable_state: str
    commits: int
    additions: int
    deletions: int
    changed_files: int


@dataclass(slots=True, kw_only=True)
class PullRequest:
    """A pull request between two branches of one repository; the playground has no forks."""

    id: int
    number: int
    title: str
    body: str
    author: Account
    head: str
    base: str
    head_sha: str
    base_sha: str
    draft: bool = False
    app: App | None = None
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)
    closed_at: datetime | None = None
    merged_at: datetime | None = None
    merged_by: Account | None = None
    merge_sha: str = ""
    labels: list[Label] = field(default_factory=list)
    reviewers: list[Account] = field(default_factory=list)
    assignees: list[Account] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    line_comments: list[LineComment] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    reactions: list[Reaction] = field(default_factory=list)
    facts: tuple[object, PullFacts] | None = None
    """What git said last, with what it was asked about."""

    @property
    def state(self) -> str:
        """``open`` or ``closed``; a merged one is closed."""
        return "closed" if self.closed_at else "open"


@dataclass(slots=True, kw_only=True)
class CheckRun:
    """A check of one commit, made by an App."""

    id: int
    name: str
    head_sha: str
    app: App
    status: str = "queued"
    conclusion: str | None = None
    external_id: str = ""
    details_url: str = ""
    started_at: datetime | None = None
    completed_at: datetime | None = None
    output: dict[str, object] = field(default_factory=dict)
    annotations: list[dict[str, object]] = field(default_factory=list)
    actions: list[dict[str, str]] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Step:
    """One step of a job; ``number`` starts at 1 and counts the runner's own set-up step."""

    number: int
    name: str
    status: str = "queued"
    conclusion: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Job:
    """One job of one attempt of a workflow run."""

    id: int
    name: str
    key: str
    """The job's key in the workflow file; a matrix gives several jobs one key."""
    attempt: int
    status: str = "queued"
    conclusion: str | None = None
    created_at: datetime = field(default_factory=now)
    started_at: datetime | None = None
    completed_at: datetime | None = None
    steps: list[Step] = field(default_factory=list)
    log: bytes = b""


@dataclass(slots=True, kw_only=True)
class Workflow:
    """A workflow file that the repository has, or once had, on a branch."""

    id: int
    path: str
    name: str
    created_at: datetime = field(default_factory=now)
    runs: int = 0
    """How many runs it has had; gives ``run_number``."""


@dataclass(slots=True, kw_only=True)
class Run:
    """A workflow run with all its attempts."""

    id: int
    workflow: Workflow
    name: str
    number: int
    event: str
    branch: str
    head_sha: str
    tree_sha: str
    """The commit that is really checked out: for a pull request the test merge with its base."""
    actor: Account
    triggering_actor: Account
    subject: str
    """First line of the commit's message."""
    definition: str
    """Text of the workflow file at the commit."""
    check_suite_id: int
    pull_requests: list[int] = field(default_factory=list)
    attempt: int = 1
    status: str = "queued"
    conclusion: str | None = None
    problem: str = ""
    """For people: why a run without jobs failed."""
    created_at: datetime = field(default_factory=now)
    started_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)
    jobs: dict[int, list[Job]] = field(default_factory=dict)
    """Per attempt."""
    results: dict[int, tuple[str, str | None]] = field(default_factory=dict)
    """Status and conclusion of earlier attempts."""


@dataclass(slots=True, kw_only=True)
class PlaygroundRepo:
    """A repository: a real bare git repository and what the site keeps beside it."""

    id: int
    full_name: str
    owner: Account
    private: bool
    default_branch: str
    git: GitStore
    collaborators: dict[str, Role]
    """Role by lower-case login."""
    created_at: datetime = field(default_factory=now)
    pushed_at: datetime = field(default_factory=now)
    next_number: int = 1
    pulls: dict[int, PullRequest] = field(default_factory=dict)
    labels: dict[str, Label] = field(default_factory=dict)
    check_runs: dict[int, CheckRun] = field(default_factory=dict)
    workflows: dict[str, Workflow] = field(default_factory=dict)
    runs: dict[int, Run] = field(default_factory=dict)
    holds_bots: bool = False
    """Runs that an App starts wait until a person approves them, as a setting of the real site has it."""

    @property
    def name(self) -> str:
        """The part after the slash."""
        return self.full_name.split("/")[1]

    def role(self, login: str) -> Role:
        """What this person may do here."""
        found = self.collaborators.get(login.lower(), Role.NONE)
        return found if found or self.private else Role.READ

    def jobs(self) -> Iterator[tuple[Run, Job]]:
        """Every job of every attempt of every run."""
        for run in self.runs.values():
            for jobs in run.jobs.values():
                for job in jobs:
                    yield run, job


@dataclass(slots=True)
class Ids:
    """Gives out the numbers by which the API names things; they look like GitHub's."""

    _numbers: Iterator[int] = field(default_factory=lambda: count(1_000_001))

    def next(self) -> int:
        """A number that nothing else has."""
        return next(self._numbers)
