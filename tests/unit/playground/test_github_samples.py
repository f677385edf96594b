"""The sample repositories are green, break for the reason they name, and behave as the demo needs."""

import pytest

from playground.samples import CHECKOUT, LEDGER, NOTIFIER, SAMPLES


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.full_name)
def test_a_sample_is_green_before_and_red_after_it_is_broken(github_site, sample):
    hub = github_site.hub
    assert hub.wait_for_ci(sample.full_name, sample.create(hub)) == "success"
    history = list(github_site.as_person("ana").get_repo(sample.full_name).get_commits())
    assert len(history) == len(sample.history)
    assert len({one.commit.author.name for one in history}) > 1
    assert hub.wait_for_ci(sample.full_name, sample.break_it(hub)) == "failure"


def failing_log(hub, sample, sha):
    (run,) = hub.runs(sample.full_name, sha=sha)
    job = next(job for job in run.jobs if job.state == "failure")
    return hub.job_log(sample.full_name, job.id)


def test_the_ledger_fails_both_checks_in_one_step(github_site):
    LEDGER.create(github_site.hub)
    sha = LEDGER.break_it(github_site.hub)
    github_site.hub.wait_for_ci("acme/ledger", sha)
    log = failing_log(github_site.hub, LEDGER, sha)
    assert "`os` imported but unused" in log
    assert "ruff format --check ." in log


def test_the_checkout_bug_comes_back_as_the_same_failure(github_site):
    hub = github_site.hub
    CHECKOUT.create(hub)
    logs = []
    for act, ending in (
        (CHECKOUT.break_it, "failure"),
        (CHECKOUT.fix, "success"),
        (CHECKOUT.regress, "failure"),
    ):
        sha = act(hub)
        assert hub.wait_for_ci("acme/checkout", sha) == ending
        if ending == "failure":
            log = failing_log(hub, CHECKOUT, sha)
            logs.append([line[29:] for line in log.splitlines() if line[29:31] in {"E ", "> ", "FA"}])
    assert logs[0] == logs[1]
    assert any("test_a_basket_of_exactly_100_euros_earns_ten_percent" in line for line in logs[0])


def test_the_notifier_passes_and_fails_without_any_change(github_site):
    hub = github_site.hub
    NOTIFIER.create(hub)
    sha = NOTIFIER.break_it(hub)
    run = hub.runs("acme/notifier", sha=sha)[0]
    seen = {run.state}
    for _ in range(60):
        hub.rerun("acme/notifier", run.id, by="lars")
        seen.add(hub.wait_for_ci("acme/notifier", sha))
        if len(seen) == 2:
            break
    assert seen == {"failure", "success"}


def test_a_sample_without_a_cure_says_so(github_site):
    with pytest.raises(ValueError, match="no cure"):
        LEDGER.fix(github_site.hub)
