"""What people type."""

from __future__ import annotations

from datetime import time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchpilot import grammar as g
from patchpilot.commands import Verb
from patchpilot.grammar import Target, Way, parse, write
from patchpilot.source import Repo

REPO = Repo("github", "acme/widget")
DAY = timedelta(days=1)
RUN = "https://github.com/acme/widget/actions/runs/123"


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("", g.Help()),
        ("HELP", g.Help()),
        ("help Retry", g.Help("retry")),
        ("/help", g.Help()),
        ("link", g.Link()),
        ("unlink", g.Unlink()),
        ("whoami", g.WhoAmI()),
        ("list", g.ListSubscriptions()),
        ("status", g.Status()),
        ("status PP-12", g.Status(Target(incident=12))),
        ("status pp-12", g.Status(Target(incident=12))),
        ("status 12", g.Status(Target(incident=12))),
        ("status acme/widget", g.Status(Target(repo=REPO))),
        ("status S-3", g.Status(storm=3)),
        ("status s-3", g.Status(storm=3)),
        ("explain PP-12", g.Explain(12)),
        ("take PP-12", g.Take(12)),
        ("drop 12", g.Drop(12)),
        (f"diagnose {RUN}", g.Diagnose(RUN)),
        (f"diagnose <{RUN}|run>", g.Diagnose(RUN)),
        ("approve PP-142", g.Decide(Verb.APPROVE, 142)),
        ("approve PP-142 deliver:push", g.Decide(Verb.APPROVE, 142, deliver="push")),
        ("approve 142", g.Decide(Verb.APPROVE, 142)),
        (
            "approve PP-142 reviewers:@ana,ben,Ana base:rel/2.x draft:no",
            g.Decide(Verb.APPROVE, 142, reviewers=("ana", "ben"), base="rel/2.x", draft=False),
        ),
        ("retry 3 times it was green", g.Decide(Verb.RETRY, 3, "times it was green")),
        ("help me", g.Help()),
        ("help me please!", g.Help()),
        ('retry PP-3 "use py3.12"', g.Decide(Verb.RETRY, 3, "use py3.12")),
        ("retry PP-3 “use py3.12”", g.Decide(Verb.RETRY, 3, "use py3.12")),
        ("retry PP-3 don’t touch the test", g.Decide(Verb.RETRY, 3, "don't touch the test")),
        ('retry PP-3 say "hello" twice', g.Decide(Verb.RETRY, 3, 'say "hello" twice')),
        ("  reject   PP-3   wrong file ", g.Decide(Verb.REJECT, 3, "wrong file")),
        ("escalate PP-3", g.Decide(Verb.ESCALATE, 3)),
        ("mute PP-3 for:3d", g.Mute(target=Target(incident=3), length=timedelta(days=3))),
        (
            'mute acme/widget test:"e2e * slow" for:12h staging is down: see wiki',
            g.Mute(
                target=Target(repo=REPO),
                test="e2e * slow",
                length=timedelta(hours=12),
                why="staging is down: see wiki",
            ),
        ),
        (
            'mute PP-3 for:3d "for:ever"',
            g.Mute(target=Target(incident=3), length=timedelta(days=3), why="for:ever"),
        ),
        ("unmute PP-3", g.Unmute(target=Target(incident=3))),
        ("unmute acme/widget test:e2e*", g.Unmute(target=Target(repo=REPO), test="e2e*")),
        ("quiet 22:00-7:00", g.Quiet(g.Window(time(22), time(7)))),
        ("quiet 22:00–07:00 tz:Europe/Vienna", g.Quiet(g.Window(time(22), time(7)), "Europe/Vienna")),
        ("quiet off", g.Quiet(None)),
        ("digest", g.Digest(now=False)),
        ("digest now", g.Digest(now=True)),
        ("subscribe acme/widget", g.Subscribe(repo=REPO)),
        ("subscribe acme/*", g.Subscribe(owner="acme")),
        (
            "subscribe acme/widget branch:main,rel/* workflow:“CI build” level:approval digest:mon@09:00",
            g.Subscribe(
                repo=REPO,
                branches=("main", "rel/*"),
                workflow="CI build",
                level=g.Level.APPROVAL,
                digest=g.DigestTime(0, time(9)),
            ),
        ),
        ("unsubscribe acme/widget", g.Unsubscribe(repo=REPO)),
        ("settings", g.Settings()),
        (
            "settings acme/widget two-person:other public:off",
            g.Settings(repo=REPO, two_person=g.TwoPersonRule.OTHER, public=False),
        ),
    ],
)
def test_what_is_typed_after_the_slash_command_is_read(text, meaning):
    assert parse(text) == meaning


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("retry use py3.12", g.Decide(Verb.RETRY, 7, "use py3.12")),
        ("status", g.Status(Target(incident=7))),
        ("approve PP-8", g.Decide(Verb.APPROVE, 8)),
        ("mute for:1d known", g.Mute(target=Target(incident=7), length=timedelta(days=1), why="known")),
        ("explain", g.Explain(7)),
        ("why did this start?", g.Question("why did this start?", 7)),
        ("who broke it", g.Question("who broke it", 7)),
        ("who broke PP-4?", g.Question("who broke PP-4?", 4)),
        ("which came first, PP-4 or pp-5?", g.Question("which came first, PP-4 or pp-5?", 7)),
        ("help me understand this", g.Question("help me understand this", 7)),
        ("help me", g.Help()),
        ("approve", g.Decide(Verb.APPROVE, 7)),
        ("approve deliver:push", g.Decide(Verb.APPROVE, 7, deliver="push")),
        ("approve is that safe?", g.Question("approve is that safe?", 7)),
        ("approve PP-8?", g.Question("approve PP-8?", 8)),
        ("retry 3 times it was green", g.Decide(Verb.RETRY, 7, "3 times it was green")),
        ("retry pp-3 times out", g.Decide(Verb.RETRY, 3, "times out")),
        ("mute 5 tests hang for:1d", g.Mute(target=Target(incident=7), length=DAY, why="5 tests hang")),
        ("status of the build?", g.Question("status of the build?", 7)),
    ],
)
def test_in_a_thread_the_incident_need_not_be_named_and_questions_may_be_asked(text, meaning):
    assert parse(text, way=Way.MENTION, incident=7) == meaning


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("fix keep the API", g.Fix(None, "keep the API")),
        ("approve", g.Decide(Verb.APPROVE, None)),
        ("retry smaller", g.Decide(Verb.RETRY, None, "smaller")),
        ("reject 2 assertions were weakened", g.Decide(Verb.REJECT, None, "2 assertions were weakened")),
        ("reject PP-2 wrong", g.Decide(Verb.REJECT, 2, "wrong")),
        ("fix 2 tests are red", g.Fix(None, "2 tests are red")),
        ("approve looks good to me?", g.Question("approve looks good to me?")),
        ("diagnose", g.Diagnose()),
        ("explain", g.Explain()),
        ("pause while I rebase", g.Pause("while I rebase")),
        ("resume", g.Resume()),
        ("mute for:2h", g.Mute(target=Target(), length=timedelta(hours=2))),
        ("why?", g.Question("why?")),
    ],
)
def test_on_a_pull_request_the_place_says_which_incident_is_meant(text, meaning):
    assert parse(text, way=Way.COMMENT) == meaning


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("aprove PP-12", ["`aprove`", "Did you mean `approve`?"]),
        ("xyzzy", ["`xyzzy`", "`help`"]),
        ("approve", ["approve PP-12"]),
        ("subscribe", ["owner/repo"]),
        ("subscribe acme", ["`acme`", "owner/repo"]),
        ("subscribe acme/widget brnch:main", ["`brnch:`", "Did you mean `branch:`?"]),
        ("subscribe acme/widget colour:red", ["`colour:`", "`level:`"]),
        ("subscribe acme/widget level:some", ["`some`", "level:approval"]),
        ("subscribe acme/widget level:all level:all", ["`level:` is there twice"]),
        ('subscribe acme/widget workflow:"CI', ["never closed", '"CI']),
        ("subscribe acme/widget digest:someday", ["`someday`", "digest:mon@09:00"]),
        ("subscribe acme/widget tz:Europe/Vienna", ["`tz:`", "digest"]),
        ("subscribe acme/widget digest:mon@09:00 tz:Mars/Base", ["`Mars/Base`", "tz:Europe/Vienna"]),
        ("subscribe acme/widget branch:", ["`branch:` says nothing"]),
        ("subscribe acme/widget extra", ["`extra`", "one word too many"]),
        ("mute PP-3", ["for:3d"]),
        ("mute PP-3 2h staging is down", ["for:2h"]),
        ("mute PP-3 for:ever", ["`ever`", "for:3d"]),
        ("mute PP-3 for:90d", ["`90d`", "30 days"]),
        ("mute PP-3 for:1m", ["`1m`", "5 minutes"]),
        ("mute for:3d", ["PP-142|owner/repo"]),
        ("quiet", ["22:00-07:00"]),
        ("quiet 25:00-07:00", ["`25:00-07:00`"]),
        ("quiet 07:00-07:00", ["unsubscribe"]),
        ("dm some", ["`some`", "`approvals`"]),
        ("dm mien", ["Did you mean `mine`?"]),
        ("dm quiet:22:00-07:00", ["dm approvals"]),
        ("dm mine quiet:25:00-07:00", ["`25:00-07:00`"]),
        ("digest later", ["`later`", "`preview`"]),
        ("diagnose", ["actions/runs/123"]),
        ("diagnose latest", ["`latest`"]),
        ("help aprove", ["Did you mean `approve`?"]),
        ("status foo", ["`foo`"]),
        ("status S-3 please", ["`please`"]),
        ("settings two-person:two", ["which repository"]),
        ("settings acme/widget two-person:three", ["`three`", "two-person:other"]),
        ("fix", ["pull request comment"]),
    ],
)
def test_what_can_not_be_read_is_quoted_and_a_good_form_is_shown(text, parts):
    answer = parse(text)

    assert isinstance(answer, g.Misunderstood)
    assert [part for part in parts if part not in answer.text] == []


def test_a_pattern_is_read_as_an_answer_shows_it():
    """Answers hold signs apart, so that Slack makes nothing bold of them; one can't see that when copying."""
    shown = 'unmute acme/widget test:"tests/e2e/\u2060*\u2060"'

    assert parse(shown) == parse('unmute acme/widget test:"tests/e2e/*"')


@pytest.mark.parametrize("way", [Way.SLASH, Way.MENTION, Way.COMMENT])
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("approve PP-142 not yet, wait for ben", "`not` sounds like a doubt"),
        ("approve PP-1 PP-2", "`PP-2` is one word too many: one incident at a time"),
        ("approve PP-1 If ben agrees", "`If` sounds like a doubt"),
        ("approve PP-1 and PP-2", "`and` is one word too many: one incident at a time"),
        ("approve thanks!", "`thanks!` is one word too many: a remark needs the incident's name ahead of it"),
    ],
)
def test_a_doubtful_word_approves_nothing_and_the_answer_says_why(text, why, way):
    answer = parse(text, way=way)

    assert isinstance(answer, g.Misunderstood)
    assert f"{why}, so nothing is approved; the form is `approve PP-142 [text]" in answer.text


@pytest.mark.parametrize("way", [Way.SLASH, Way.MENTION, Way.COMMENT])
def test_an_approval_that_names_its_incident_takes_a_remark(way):
    assert parse('approve PP-1 "looks good"', way=way) == g.Decide(Verb.APPROVE, 1, "looks good")
    remarked = g.Decide(Verb.APPROVE, 1, "ship it", "push")
    assert parse("approve PP-1 deliver:push ship it", way=way) == remarked


@pytest.mark.parametrize("text", ["approve not yet, wait for ben", "approve looks good", "approve 2"])
def test_an_approval_takes_no_text_where_the_place_says_what_is_meant(text):
    assert isinstance(parse(text, way=Way.MENTION, incident=3), g.Misunderstood)
    assert isinstance(parse(text, way=Way.COMMENT), g.Misunderstood)


@pytest.mark.parametrize("text", ["thanks", "help foo"])
def test_nothing_is_taken_for_a_slip_that_is_not_close(text):
    answer = parse(text, way=Way.MENTION, incident=1)

    assert isinstance(answer, g.Misunderstood)
    assert "Did you mean" not in answer.text


def test_a_slip_in_a_thread_is_no_question():
    assert isinstance(parse("aprv PP-12", way=Way.MENTION), g.Misunderstood)
    assert isinstance(parse("aprove PP-12", way=Way.MENTION), g.Misunderstood)
    assert isinstance(parse("aprove", way=Way.MENTION, incident=1), g.Misunderstood)


def test_every_verb_has_help_and_an_example_that_its_grammar_reads():
    for name, entry in g.VERBS.items():
        assert entry.meaning in g.help_text(Way.SLASH, name)
        way = Way.SLASH if Way.SLASH in entry.ways else Way.COMMENT
        request = parse(entry.example or name, way=way)
        assert g.entry_of(request) is entry


_texts = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="“”„«»‘’\xa0\u2060"), max_size=60
)
_words = _texts.map(lambda text: " ".join(text.split()))
_names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,12}", fullmatch=True)
_logins = st.from_regex(r"[A-Za-z0-9]{1,12}", fullmatch=True)
_branches = st.from_regex(r"[a-z0-9]{1,8}(/[a-z0-9_#-]{1,8}){0,2}", fullmatch=True).filter(
    lambda name: "/-" not in name
)
_repos = st.builds(lambda owner, name: Repo("github", f"{owner}/{name}"), _names, _names)
_numbers = st.integers(1, 999_999_999)
_targets = st.one_of(
    st.builds(Target, incident=_numbers, repo=st.none()), st.builds(Target, incident=st.none(), repo=_repos)
)
_clock = st.builds(time, st.integers(0, 23), st.integers(0, 59))
_lengths = st.one_of(
    st.integers(5, 9_999).map(lambda minutes: timedelta(minutes=minutes)),
    st.integers(1, 30).map(lambda days: timedelta(days=days)),
)
_patterns = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_/*.-]{0,12}", fullmatch=True)
_requests = st.one_of(
    st.builds(g.Help, st.sampled_from(["", *g.VERBS])),
    st.builds(g.Status, st.one_of(st.just(Target()), _targets)),
    st.builds(g.Explain, _numbers),
    st.builds(g.Take, _numbers),
    st.builds(g.Drop, _numbers),
    st.builds(
        g.Decide, st.sampled_from([verb for verb in Verb if verb is not Verb.APPROVE]), _numbers, _words
    ),
    st.builds(
        g.Decide,
        st.just(Verb.APPROVE),
        _numbers,
        deliver=st.sampled_from(["", "suggestions", "stacked", "push"]),
        reviewers=st.lists(_logins, max_size=4, unique_by=str.lower).map(tuple),
        base=st.one_of(st.just(""), _branches),
        draft=st.one_of(st.none(), st.booleans()),
    ),
    st.builds(g.Mute, target=_targets, test=_words, length=_lengths, why=_words),
    st.builds(g.Unmute, target=_targets, test=_words),
    st.builds(g.Unsubscribe, repo=_repos),
    st.builds(g.Quiet, st.one_of(st.none(), st.builds(g.Window, _clock, _clock)), st.just("")).filter(
        lambda quiet: quiet.window is None or quiet.window.start != quiet.window.end
    ),
    st.builds(g.Digest, st.booleans()),
    st.builds(
        g.Settings,
        repo=_repos,
        two_person=st.one_of(st.none(), st.sampled_from(g.TwoPersonRule)),
        public=st.one_of(st.none(), st.booleans()),
    ),
    st.builds(
        g.Subscribe,
        repo=_repos,
        branches=st.lists(_patterns, max_size=4, unique=True).map(tuple),
        workflow=_words,
        test=_words,
        level=st.sampled_from(g.Level),
        digest=st.one_of(st.none(), st.builds(g.DigestTime, st.integers(0, 6), _clock)),
    ),
)


@given(_requests)
@settings(max_examples=400, deadline=None)
def test_what_is_written_out_is_read_back_the_same(request):
    assert parse(write(request)) == request


@given(st.text(max_size=300), st.sampled_from(Way), st.one_of(st.none(), _numbers))
@settings(max_examples=400, deadline=None)
def test_no_text_breaks_the_grammar(text, way, incident):
    assert isinstance(parse(text, way=way, incident=incident), g.Request)


@given(
    st.lists(
        st.sampled_from(
            [*g.VERBS, "PP-1", "a/b", "for:3d", 'test:"', "branch:x", "off", "'", "why", RUN, "?"]
        ),
        max_size=7,
    ),
    st.sampled_from(Way),
)
@settings(max_examples=400, deadline=None)
def test_no_mixture_of_our_own_words_breaks_the_grammar(words, way):
    assert isinstance(parse(" ".join(words), way=way), g.Request)


@pytest.mark.parametrize(
    "asked",
    [
        "deliver=push",
        "deliver:pushed",
        "reviewers=ana",
        "reviewers:-rf",
        "reviewers:,",
        f"reviewers:{','.join(f'a{number}' for number in range(16))}",
        "base=main",
        "base:../main",
        "base:a..b",
        "base:-f",
        "base:x.lock",
        "draft=no",
        "draft:maybe",
    ],
)
def test_an_option_that_can_not_be_read_approves_nothing(asked: str) -> None:
    found = g.parse(f"approve PP-1 {asked}")
    assert isinstance(found, g.Misunderstood)


@pytest.mark.parametrize("option", ["reviewers:ana,ben", "base:main", "draft:no", "deliver:push"])
def test_help_names_what_a_careful_approval_takes(option: str) -> None:
    assert option in g.help_text(Way.SLASH, "approve")
