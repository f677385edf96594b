"""The sample repositories are green, break for the reason they name, and behave as the demo needs."""

import pytest

from playground.samples import CHECKOUT, LEDGER, NOTIFIER


def created(site, sample):
    """The sample with its green history; checked here so that each CI run serves several facts."""
    assert site.hub.wait_for_ci(sample.full_name, sample.create(site.hub)) == "success"
    history = list(site.as_person("ana").get_repo(sample.full_name).get_commits())
    assert len(history) == len(sample.history)
    assert len({one.commit.author.name for one in history}) > 1
    assert history[0].commit.author.date > history[-1].commit.author.date
    return site.hub


def failing_log(hub, sample, sha):
    (run,) = hub.runs(sample.full_name, sha=sha)
    job = next(job for job in run.jobs if job.state == "failure")
    return hub.job_log(sample.full_name, job.id)


def test_the_ledger_is_green_and_then_fails_lint_and_format_in_one_step(github_site):
    hub = created(github_site, LEDGER)
    sha = LEDGER.break_it(hub)
    assert hub.wait_for_ci("acme/ledger", sha) == "failure"
    log = failing_log(hub, LEDGER, sha)
    assert "`os` imported but unused" in log
    assert "ruff format --check ." in log
    with pytest.raises(ValueError, match="no cure"):
        LEDGER.fix(hub)


def test_the_checkout_bug_comes_back_as_the_same_failure(github_site):
    hub = created(github_site, CHECKOUT)
    logs = []
    acts = ((CHECKOUT.break_it, "failure"), (CHECKOUT.fix, "success"), (CHECKOUT.regress, "failure"))
    for act, ending in acts:
        sha = act(hub)
        assert hub.wait_for_ci("acme/checkout", sha) == ending
        if ending == "failure":
            log = failing_log(hub, CHECKOUT, sha)
            logs.append([line[29:] for line in log.splitlines() if line[29:31] in {"E ", "> ", "FA"}])
    assert logs[0] == logs[1]
    assert any("test_a_basket_of_exactly_100_euros_earns_ten_percent" in line for line in logs[0])


def test_the_notifier_passes_and_fails_without_any_change(github_site):
    hub = created(github_site, NOTIFIER)
    sha = NOTIFIER.break_it(hub)
    run = hub.runs("acme/notifier", sha=sha)[0]
    assert run.state == "failure"
    for _ in range(60):
        hub.rerun("acme/notifier", run.id, by="lars")
        if hub.wait_for_ci("acme/notifier", sha) == "success":
            return
    pytest.fail("one try in three fails, yet sixty failed in a row")
