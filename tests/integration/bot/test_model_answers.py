"""A question that the evidence does not answer, from the door to the model's words in the thread."""

from __future__ import annotations

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from bot.authority import Authority
from bot.door import Door
from bot.linking import Linking
from jobs.answers import answer
from jobs.roles import Role
from patchpilot.asking import Asked, Place
from patchpilot.commands import Actor, Medium, Ruling
from patchpilot.grammar import Way, parse
from patchpilot.metrics import Metrics
from patchpilot.settings import WorkerSettings
from patchpilot.source import HostUser, Permission
from playground.anthropic import ScriptedAnthropic, says
from storage.incidents import snapshot
from storage.tasks import due_tasks

QUESTION = "is it the locale of the runner?"


class Host:
    def permission(self, repo, user: HostUser) -> Permission:
        return Permission.TRIAGE if user.login == "tom" else Permission.READ

    def is_private(self, repo) -> bool:
        return False


@pytest.fixture
def ask(database, proposed):
    incident, _ = proposed(1)
    door = Door(
        database,
        Authority(Host()),
        Metrics(),
        linking=Linking(database, None, public_url="http://bot.test"),
        runs=None,
        daily=2,
    )

    def say(login: str, question: str, key: str):
        actor = Actor(
            medium=Medium.SLACK, name=login, team="T", host_user=HostUser(host="github", login=login)
        )
        request = parse(question, way=Way.MENTION, incident=incident)
        return door.handle(
            Asked(request=request, actor=actor, way=Way.MENTION, place=Place(team="T"), key=key)
        )

    return say


def questions(database) -> list:
    return [task for task in due_tasks(database) if task.name == "jobs.answers.answer"]


def test_the_models_answer_comes_into_the_thread_once(database, database_url, redis_url, ask):
    told = ask("tom", QUESTION, "e1")
    assert told.ruling is Ruling.ANSWERED
    assert "An import that nothing uses" in told.text
    (task,) = questions(database)

    with ScriptedAnthropic([says("No: the import is unused. See https://evil.test/x")]) as server:
        settings = WorkerSettings(
            _env_file=None,
            database_url=SecretStr(database_url),
            redis_url=SecretStr(redis_url),
            anthropic_api_key=SecretStr("sk-ant-api03-notarealkey-0123456789"),
            anthropic_base_url=server.base_url,
        )
        role = Role(name="heal", settings=settings)
        answer(role, task.args)
        role.db.close()

    heal = snapshot(database, 1).heal
    (note,) = [note for note in heal.notes if note.key.startswith("answer:")]
    assert "@tom asked: is it the locale of the runner?" in note.text
    assert "No: the import is unused. See (address left out)" in note.text
    assert heal.spend.calls == 1


def test_a_model_is_asked_only_for_those_who_may_make_work_and_only_so_often(database, ask):
    ask("rob", QUESTION, "e1")
    assert questions(database) == []
    ask("tom", "why did this start?", "e2")
    assert questions(database) == []

    for number in range(4):
        ask("tom", QUESTION, f"e{number + 3}")

    with database.transaction() as session:
        count = session.scalar(text("SELECT count(*) FROM tasks WHERE name = 'jobs.answers.answer'"))
    assert count == 2


def test_without_a_key_the_answer_from_the_evidence_stands(database, database_url, redis_url, ask):
    ask("tom", QUESTION, "e1")
    (task,) = questions(database)
    settings = WorkerSettings(
        _env_file=None, database_url=SecretStr(database_url), redis_url=SecretStr(redis_url)
    )
    role = Role(name="heal", settings=settings)

    answer(role, task.args)
    role.db.close()

    assert [note for note in snapshot(database, 1).heal.notes if note.key.startswith("answer:")] == []
