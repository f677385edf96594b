// The GitHub side: repositories, pull requests, workflow runs.

import { ago, el, nodes } from "./dom.js";
import { act, notice, read, state } from "./link.js";
import { diff } from "./diff.js";
import { log } from "./log.js";

const WORDS = { success: "passed", failure: "failed", in_progress: "running", queued: "queued", skipped: "skipped", cancelled: "cancelled", neutral: "neutral", "": "no runs" };
const SIGNS = { success: "✓", failure: "✕", in_progress: "●", queued: "○", skipped: "–", cancelled: "–", neutral: "■", "": "·" };
let drawn = "";

export function showGithub(main, route, me) {
  const repo = state.github.find((known) => known.full_name === route.repo) || state.github[0];
  const version = JSON.stringify([route, me, state.github.map((known) => [known.full_name, summary(known)]), repo && relevant(repo, route)]);
  if (version === drawn && main.querySelector(".github")) return;
  drawn = version;
  const typed = keepTyped(main);
  const page = el("div", { class: "github" }, repoList(repo), el("div", { class: "repo" }, repo ? repoPage(repo, route, me) : el("p", { class: "empty" }, "There are no repositories here.")));
  const scroll = main.querySelector(".repo")?.scrollTop || 0;
  const same = main.dataset.page === JSON.stringify(route);
  main.replaceChildren(page);
  main.dataset.page = JSON.stringify(route);
  if (same) page.querySelector(".repo").scrollTop = scroll;
  typed(page);
}

// What somebody is writing must survive that the page is drawn again.
function keepTyped(main) {
  const box = main.querySelector(".comment-form textarea");
  const [text, focused] = [box?.value, box === document.activeElement];
  return (page) => {
    const fresh = page.querySelector(".comment-form textarea");
    if (!fresh || !text) return;
    fresh.value = text;
    if (focused) fresh.focus();
  };
}

const relevant = (repo, route) => (route.pull ? repo.pulls.find((pull) => pull.number === route.pull) : route.run ? repo.runs.find((run) => run.id === route.run) : repo);
const summary = (repo) => [repo.pulls.filter(isOpen).length, repo.commits[0]?.state || repo.runs[0]?.state || ""];
export const isOpen = (pull) => pull.state === "open" || pull.state === "draft";

function sign(kind) {
  return el("span", { class: `sign ${kind || "none"}`, title: WORDS[kind] ?? kind, role: "img", "aria-label": WORDS[kind] ?? kind }, SIGNS[kind] ?? "■");
}

function repoList(here) {
  return el(
    "nav",
    { class: "side github-side", "aria-label": "Repositories" },
    el("h1", { class: "team" }, "Repositories"),
    state.github.map((repo) => {
      const [open, kind] = summary(repo);
      return el(
        "a",
        { class: "side-entry", href: `#/github/${repo.full_name}`, "aria-current": repo === here ? "page" : undefined },
        sign(kind),
        el("span", {}, repo.full_name),
        open > 0 && el("span", { class: "count", title: `${open} open pull requests` }, String(open)),
      );
    }),
  );
}

function repoPage(repo, route, me) {
  const pull = repo.pulls.find((known) => known.number === route.pull);
  const run = repo.runs.find((known) => known.id === route.run);
  const base = `#/github/${repo.full_name}`;
  const tab = run || route.tab === "actions" ? "actions" : route.tab === "commits" ? "commits" : "pulls";
  const tabLink = (name, label, count) =>
    el("a", { href: name === "pulls" ? base : `${base}/${name}`, "aria-current": tab === name ? "page" : undefined }, label, count > 0 && el("span", { class: "count" }, String(count)));
  return [
    el(
      "div",
      { class: "repo-head" },
      el("h2", {}, repo.full_name.split("/")[0], el("span", { class: "quiet" }, " / "), el("b", {}, repo.full_name.split("/")[1]), repo.private && el("span", { class: "badge" }, "private")),
      el("nav", { class: "subtabs", "aria-label": "Repository" }, tabLink("pulls", "Pull requests", repo.pulls.filter(isOpen).length), tabLink("actions", "Actions", repo.runs.length), tabLink("commits", "Commits", 0)),
    ),
    pull ? pullPage(repo, pull, route, me) : run ? runPage(repo, run, route, me) : { pulls, actions, commits }[tab](repo),
  ];
}

// Lists.

function pulls(repo) {
  if (!repo.pulls.length) return el("p", { class: "empty" }, "No pull requests yet. When a fix is approved in Slack, one appears here.");
  return el(
    "ul",
    { class: "rows" },
    repo.pulls.map((pull) =>
      el(
        "li",
        {},
        el(
          "a",
          { class: "row", href: `#/github/${repo.full_name}/pull/${pull.number}` },
          el("span", { class: `pill ${pull.state}` }, pull.state),
          el("span", { class: "row-title" }, el("b", {}, pull.title), pull.labels.map((label) => el("span", { class: "label" }, label)), el("small", { class: "quiet" }, `#${pull.number} opened ${ago(pull.created_at)} by ${pull.author}`)),
          sign(overall(pull.checks)),
        ),
      ),
    ),
  );
}

function overall(checks) {
  const states = checks.map((check) => check.state);
  return ["failure", "in_progress", "queued", "success"].find((kind) => states.includes(kind)) || "";
}

function actions(repo) {
  if (!repo.runs.length) return el("p", { class: "empty" }, "No workflow has run yet.");
  return el(
    "ul",
    { class: "rows" },
    repo.runs.map((run) =>
      el(
        "li",
        {},
        el(
          "a",
          { class: "row", href: `#/github/${repo.full_name}/run/${run.id}` },
          sign(run.state),
          el("span", { class: "row-title" }, el("b", {}, run.title), el("small", { class: "quiet" }, `${run.name} #${run.number}: ${run.event} by ${run.actor}, ${ago(run.created_at)}`)),
          el("span", { class: "branch" }, run.branch),
        ),
      ),
    ),
  );
}

function commits(repo) {
  return el(
    "ul",
    { class: "rows" },
    repo.commits.map((commit) =>
      el(
        "li",
        { class: "row" },
        sign(commit.state),
        el("span", { class: "row-title" }, el("b", {}, commit.subject), el("small", { class: "quiet" }, `${commit.author}, ${ago(commit.created_at)}`)),
        el("code", {}, commit.sha.slice(0, 7)),
      ),
    ),
  );
}

// One pull request.

function pullPage(repo, pull, route, me) {
  const files = route.tab === "files";
  const base = `#/github/${repo.full_name}/pull/${pull.number}`;
  return el(
    "article",
    { class: "pull" },
    el("h3", { class: "pull-title" }, pull.title, el("span", { class: "quiet" }, ` #${pull.number}`)),
    el(
      "p",
      { class: "pull-by" },
      el("span", { class: `pill ${pull.state}` }, pull.state),
      el("b", {}, pull.author),
      pull.bot && el("span", { class: "badge" }, "bot"),
      el("span", { class: "quiet" }, " wants to merge into "),
      el("span", { class: "branch" }, pull.base),
      el("span", { class: "quiet" }, " from "),
      el("span", { class: "branch" }, pull.head),
    ),
    el("nav", { class: "subtabs inner", "aria-label": "Pull request" }, el("a", { href: base, "aria-current": files ? undefined : "page" }, "Conversation"), el("a", { href: `${base}/files`, "aria-current": files ? "page" : undefined }, "Files changed")),
    files ? filesOf(repo, pull) : conversation(repo, pull, me),
  );
}

function filesOf(repo, pull) {
  const place = el("div", { class: "diffs" }, el("p", { class: "quiet" }, "Loading the diff…"));
  read(`/playground/diff?repo=${encodeURIComponent(repo.full_name)}&number=${pull.number}`)
    .then((response) => response.json())
    .then((found) => place.replaceChildren(...diff(found)))
    .catch((error) => place.replaceChildren(el("p", { class: "problem" }, error.message)));
  return place;
}

function conversation(repo, pull, me) {
  const entry = (author, bot, when, body, more) =>
    el(
      "section",
      { class: "comment" },
      el("header", {}, el("b", {}, author), bot && el("span", { class: "badge" }, "bot"), el("span", { class: "quiet" }, ago(when))),
      el("div", { class: "markdown" }, body.length ? nodes(body) : el("p", { class: "quiet" }, "No description.")),
      more,
    );
  return [
    entry(pull.author, pull.bot, pull.created_at, pull.body),
    pull.comments.map((comment) =>
      entry(comment.author, comment.bot, comment.created_at, comment.body, comment.reactions.length > 0 && el("p", { class: "reactions" }, comment.reactions.map(([name, count]) => el("span", { class: "reaction" }, `${REACTIONS[name] || name} ${count}`)))),
    ),
    checks(repo, pull, me),
    merging(repo, pull, me),
    commentForm(repo, pull, me),
  ];
}

const REACTIONS = { "+1": "👍", "-1": "👎", laugh: "😄", confused: "😕", heart: "❤️", hooray: "🎉", rocket: "🚀", eyes: "👀" };

function checks(repo, pull, me) {
  if (!pull.checks.length) return null;
  return el(
    "section",
    { class: "checks" },
    el("h4", {}, "Checks"),
    pull.checks.map((check) =>
      el(
        "div",
        { class: "check" },
        sign(check.state),
        el("b", {}, check.name),
        check.app && el("span", { class: "quiet" }, check.app),
        el("span", { class: "quiet" }, WORDS[check.state] ?? check.state),
        check.actions.map(([identifier, label, description]) =>
          el("button", { type: "button", class: "button", title: description, onclick: () => told(act({ act: "check", user: me, repo: repo.full_name, check: check.id, identifier })) }, label),
        ),
        check.summary.length > 0 && el("div", { class: "markdown check-summary" }, nodes(check.summary)),
      ),
    ),
  );
}

function merging(repo, pull, me) {
  const on = (name) => () => told(act({ act: name, user: me, repo: repo.full_name, number: pull.number }));
  const button = (label, name, kind = "") => el("button", { type: "button", class: `button ${kind}`, onclick: on(name), dataset: { action: name } }, label);
  if (pull.state === "merged") return el("p", { class: "merge-box merged" }, "✓ Merged into ", el("span", { class: "branch" }, pull.base));
  if (pull.state === "closed") return el("div", { class: "merge-box" }, el("span", {}, "Closed without merging."), button("Reopen", "reopen"));
  const word = { failure: "Some checks failed.", in_progress: "Checks are running.", queued: "Checks are waiting.", success: "All checks have passed." }[overall(pull.checks)] || "No checks.";
  return el(
    "div",
    { class: "merge-box" },
    el("span", {}, word, " ", pull.mergeable ? "No conflicts with the base branch." : "There are conflicts with the base branch."),
    pull.state === "draft" ? button("Ready for review", "ready") : button("Merge pull request", "merge", "primary"),
    button("Close", "close"),
  );
}

function commentForm(repo, pull, me) {
  const box = el("textarea", { class: "control", rows: "3", placeholder: "Leave a comment — for instance: @patchpilot status", "aria-label": "Comment" });
  const form = el("form", { class: "comment-form" }, box, el("button", { type: "submit", class: "button primary" }, "Comment"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!box.value.trim()) return;
    const text = box.value;
    box.value = "";
    if (!(await told(act({ act: "comment", user: me, repo: repo.full_name, number: pull.number, text })))) box.value = text;
  });
  return form;
}

async function told(acting) {
  const answer = await acting;
  if (!answer.ok) notice(answer.error || "That did not work.");
  return answer.ok;
}

// One workflow run.

function runPage(repo, run, route, me) {
  const job = run.jobs.find((known) => known.id === route.job) || run.jobs.find((known) => known.state === "failure") || run.jobs[0];
  const finished = !["queued", "in_progress"].includes(run.state);
  return el(
    "article",
    { class: "run" },
    el("h3", { class: "pull-title" }, sign(run.state), ` ${run.title}`, el("span", { class: "quiet" }, ` #${run.number}`)),
    el(
      "p",
      { class: "pull-by" },
      el("span", { class: "branch" }, run.branch),
      el("code", {}, run.sha.slice(0, 7)),
      el("span", { class: "quiet" }, `${run.name} · ${run.event} by ${run.actor} · attempt ${run.attempt} · ${WORDS[run.state] ?? run.state}`),
      finished && el("button", { type: "button", class: "button", onclick: () => told(act({ act: "rerun", user: me, repo: repo.full_name, run: run.id })) }, "Re-run jobs"),
    ),
    el(
      "div",
      { class: "jobs" },
      el(
        "nav",
        { "aria-label": "Jobs" },
        run.jobs.map((known) =>
          el(
            "div",
            {},
            el("a", { class: "side-entry", href: `#/github/${repo.full_name}/run/${run.id}/${known.id}`, "aria-current": known === job ? "page" : undefined }, sign(known.state), el("span", {}, known.name)),
            known === job && el("ol", { class: "steps" }, known.steps.map((step) => el("li", {}, sign(step.state), step.name))),
          ),
        ),
      ),
      job ? log(repo, job) : el("p", { class: "quiet" }, "This run has no jobs."),
    ),
  );
}
