"""What people and the page read."""

from __future__ import annotations

from playground.github.cards import pull_card, pull_diff, repository_card, run_card, state, worst
from playground.github.core import Core
from playground.github.model import Run
from playground.web.github_view import PullCard, RepositoryCard, RunCard


class Reads:
    """Reads as cards; what is not there raises :class:`LookupError`."""

    core: Core

    def snapshot(self) -> tuple[RepositoryCard, ...]:
        """Every repository with runs and pull requests, without logs and diffs."""
        with self.core.world.lock:
            return tuple(repository_card(self.core, repo) for repo in self.core.world.repositories.values())

    def branch_head(self, full_name: str, branch: str = "main") -> str | None:
        """The commit that a branch points to, ``None`` where it is gone."""
        with self.core.world.lock:
            return self.core.world.repository(full_name).git.head(branch)

    def read_file(self, full_name: str, path: str, *, at: str = "main") -> str | None:
        """A file's text at a branch or commit, ``None`` where there is none."""
        with self.core.world.lock:
            git = self.core.world.repository(full_name).git
            commit = git.resolve(at)
            content = git.file(commit, path) if commit else None
        return None if content is None else content.decode(errors="replace")

    def pull_requests(self, full_name: str) -> tuple[PullCard, ...]:
        """All pull requests, newest first."""
        with self.core.world.lock:
            repo = self.core.world.repository(full_name)
            return tuple(pull_card(self.core, repo, pull) for pull in reversed(repo.pulls.values()))

    def pull_request(self, full_name: str, number: int) -> PullCard:
        """One pull request with its conversation and checks."""
        with self.core.world.lock:
            return pull_card(self.core, *self.core.world.pull(full_name, number))

    def diff(self, full_name: str, number: int) -> str:
        """A pull request's unified diff."""
        with self.core.world.lock:
            return pull_diff(*self.core.world.pull(full_name, number))

    def runs(self, full_name: str, *, sha: str = "", branch: str = "") -> tuple[RunCard, ...]:
        """Workflow runs, newest first, of one commit or branch if given."""
        with self.core.world.lock:
            return tuple(run_card(run) for run in reversed(self._runs(full_name, sha, branch)))

    def job_log(self, full_name: str, job_id: int) -> str:
        """A job's log so far."""
        with self.core.world.lock:
            for _, job in self.core.world.repository(full_name).jobs():
                if job.id == job_id:
                    return job.log.decode(errors="replace").removeprefix("\ufeff")
        raise LookupError(f"there is no job {job_id} in {full_name!r}")

    def wait_for_ci(self, full_name: str, sha: str, *, seconds: float = 60.0) -> str:
        """Wait until all runs of a commit are over, and return the worst conclusion; ``""`` without runs.

        Raises :class:`TimeoutError` when they take longer.
        """

        def over() -> bool:
            with self.core.world.lock:
                return all(run.status == "completed" for run in self._runs(full_name, sha, ""))

        if not self.core.feed.wait(over, seconds=seconds):
            raise TimeoutError(f"CI of {full_name}@{sha[:12]} took more than {seconds:g} s")
        with self.core.world.lock:
            return worst([state(run.status, run.conclusion) for run in self._runs(full_name, sha, "")])

    def _runs(self, full_name: str, sha: str, branch: str) -> list[Run]:
        runs = self.core.world.repository(full_name).runs.values()
        return [run for run in runs if sha in {"", run.head_sha} and branch in {"", run.branch}]
