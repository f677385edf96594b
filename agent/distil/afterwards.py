"""What ran once the job had failed, or whatever became of it, by the CI system's own marks."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.distil.lines import Line

# GitLab runs after_script in a shell of its own, and its exit code doesn't affect the job's:
# https://docs.gitlab.com/ci/yaml/#after_script. Its sections may hold sections of the project's.
_GITLAB = re.compile(r"section_start:\d+:after_script\b|Running after_script$|Running after script\.\.\.$")
_GITLAB_END = re.compile(
    r"section_end:\d+:(?:after|step|build)_script\b|section_start:\d+:(?:archive_cache|upload_artifacts|cleanup_)"
    r"|(?:Uploading artifacts|Saving cache|Cleaning up) |ERROR: Job failed|Job succeeded"
)
# https://www.jenkins.io/doc/book/pipeline/syntax/#post: the steps that run once the stages have run.
_JENKINS = re.compile(r"\[Pipeline\] \{ \(Declarative: Post Actions\)$")
_JENKINS_STAGE = re.compile(r"Post stage$")
_JENKINS_END = re.compile(r"\[Pipeline\] (?:// stage|End of Pipeline)|Finished: [A-Z]")
# https://docs.travis-ci.com/user/job-lifecycle/: after_* phases don't affect the build's result.
_TRAVIS = re.compile(r"travis_fold:start:after_(?:failure|script|success)\b")
_TRAVIS_END = re.compile(r"travis_fold:end:after_")


def afterwards(lines: Sequence[Line]) -> set[int]:
    """Rows of what the CI system's own marks say ran afterwards, and does not decide how the job ended."""
    found: set[int] = set()
    end: re.Pattern[str] | None = None
    for row, line in enumerate(lines):
        if end is not None and end.match(line.core):
            end = None
        elif end is None:
            end = _end_of(lines, row)
        if end is not None:
            found.add(row)
    return found


def _end_of(lines: Sequence[Line], row: int) -> re.Pattern[str] | None:
    """How the part ends that begins at the row, if one does."""
    text = lines[row].core
    if _GITLAB.match(text):
        return _GITLAB_END
    if _JENKINS.match(text) or (
        _JENKINS_STAGE.match(text)
        and any(line.core.startswith("[Pipeline] ") for line in lines[row + 1 : row + 3])
    ):
        return _JENKINS_END
    return _TRAVIS_END if _TRAVIS.match(text) else None
