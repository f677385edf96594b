// The dashboard. All text from outside goes through textContent; nothing is ever parsed as HTML.
"use strict";

const TONES = {
  awaiting_approval: "wait", expired: "wait", resolved: "good", recovered: "good", pr_open: "good", opening_pr: "good",
  escalated: "bad", queued: "bad",
};
const PAGE = 50;
const at = (id) => document.getElementById(id);
const DOLLARS = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD", roundingMode: "halfEven" });
const state = { jobs: new Map(), chosen: "", last: "", login: null, next: null, said: "", words: {}, shown: "" };

function made(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

async function ask(path, options) {
  const answer = await fetch(path, { credentials: "same-origin", ...options });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(typeof body.detail === "string" ? body.detail : `the bot answered ${answer.status}`);
  return body;
}

// As the bot rounds in messages. Of text, since as a number 0.015 is a little less than that.
function money(dollars) {
  return DOLLARS.format(String(dollars));
}

function link(url, text) {
  return /^https?:\/\//.test(url || "") ? made("a", { href: url, textContent: text, rel: "noreferrer" }) : null;
}

function since(at) {
  const day = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };
  return made("time", { dateTime: at, title: new Date(at).toLocaleString(), textContent: new Date(at).toLocaleString([], day) });
}

function shownState(job) {
  const [emoji] = state.words[job.state] || [""];
  return made("span", { className: `state ${TONES[job.state] || ""}`, textContent: `${emoji} ${job.state_word}` });
}

function draw() {
  const rows = [...state.jobs.values()].filter((job) => job.state !== "superseded")
    .sort((a, b) => b.created_at.localeCompare(a.created_at));
  const focused = at("jobs").contains(document.activeElement) ? document.activeElement.textContent : "";
  at("jobs").tBodies.open.replaceChildren(...group("Open", rows.filter((job) => job.open)));
  at("jobs").tBodies.over.replaceChildren(...group("Over", rows.filter((job) => !job.open)));
  const again = focused && [...at("jobs").querySelectorAll("button")].find((one) => one.textContent === focused);
  if (again) again.focus();
  const hidden = "Private repositories are shown to people who sign in and may read them; failures and cost count them too.";
  at("none").hidden = rows.length > 0 && Boolean(state.login);
  at("none").textContent = state.login ? "Nothing is red that you may read."
    : rows.length ? hidden : `Nothing is red that everybody may read. ${hidden}`;
  at("more").hidden = !state.next;
}

function group(name, jobs) {
  if (!jobs.length) return [];
  const title = made("th", { colSpan: 4, scope: "rowgroup", textContent: name });
  return [made("tr", { className: "group" }, title), ...jobs.map(line)];
}

function line(job) {
  const open = made("button", { textContent: job.incident });
  const row = made("tr", { onclick: () => goTo(job.id) }, made("td", {}, open),
    made("td", { textContent: `${job.repository} · ${job.branch}` }),
    made("td", {}, shownState(job)), made("td", {}, since(job.created_at)),
    job.cause ? made("td", { className: "cause" }, made("div", { textContent: job.cause, title: job.cause })) : null);
  row.setAttribute("aria-selected", String(job.id === state.chosen));
  return row;
}

async function list(before) {
  const [page, open] = await Promise.all([
    ask(`/api/jobs?limit=${PAGE}${before ? `&before=${encodeURIComponent(before)}` : ""}`), ask("/api/jobs?open=true&limit=200"),
  ]);
  // What is open is always all here, however old, so that the list agrees with the figure above it.
  const still = new Set(open.jobs.map((job) => job.id));
  for (const job of state.jobs.values()) if (job.open && !open.next && !still.has(job.id)) state.jobs.delete(job.id);
  for (const job of [...page.jobs, ...open.jobs]) state.jobs.set(job.id, job);
  if (before || state.next === null) state.next = page.next;
  draw();
  const found = await ask("/api/dashboard/figures");
  const figures = [["open", found.open], ["waiting", found.waiting], ["failures", found.failures],
    ["cost today", money(found.dollars_today)]];
  at("figures").replaceChildren(...figures.map(([name, value]) =>
    made("div", {}, made("dt", { textContent: name }), made("dd", { textContent: String(value) }))));
}

// What is shown has an address of its own: reload, the way back and pull requests lead there.
function goTo(id) {
  if (location.hash.slice(1) === id) choose(id);
  else location.hash = id;
}

async function choose(id) {
  if (id !== state.chosen) state.said = "";
  state.chosen = id;
  draw();
  try {
    await show();
  } catch (error) {
    unshown(error.message);
  }
  // Where the list is above, not beside.
  if (id && at("detail").offsetTop > at("jobs").offsetTop + at("jobs").offsetHeight) at("detail").scrollIntoView();
}

function unshown(text) {
  state.shown = "";
  document.title = "PatchPilot";
  at("detail").replaceChildren(made("p", { textContent: text }));
}

function diff(text) {
  const block = made("pre");
  for (const line of text.replace(/\n$/, "").split("\n")) {
    const head = /^(diff |index |--- |\+\+\+ |@@ )/.test(line);
    const kind = head ? "head" : line.startsWith("+") ? "add" : line.startsWith("-") ? "del" : "";
    block.append(made("span", { className: kind, textContent: `${line}\n` }));
  }
  return block;
}

async function show() {
  if (!state.chosen) {
    unshown("Choose a heal to see its evidence.");
    return;
  }
  const job = await ask(`/api/jobs/${encodeURIComponent(state.chosen)}`);
  if (job.id !== state.chosen) return;
  // News of other incidents must not take the focus from who reads the log.
  const shown = JSON.stringify([job, state.said, state.login, state.words]);
  if (shown === state.shown) return;
  document.title = `${job.incident} · PatchPilot`;
  const cost = `cost ${money(job.dollars)}${job.tokens ? `, ${job.tokens.toLocaleString()} tokens` : ""}`;
  const parts = [
    made("h2", { textContent: `${job.incident} · ${job.title}` }),
    made("p", {}, shownState(job), job.reason ? ` · ${job.reason}` : ""),
    made("p", {}, `${job.repository} · ${job.branch} · ${job.commit.slice(0, 7)} · seen ${job.failures}× · ${cost} `,
      link(job.run_url, "View run"), " ", link(job.pull_request_url, "View pull request")),
    ...diagnosis(job),
  ];
  if (job.excerpt) parts.push(made("details", {}, made("summary", { textContent: "Log" }), made("pre", { textContent: job.excerpt })));
  if (job.steps.length) {
    parts.push(made("h3", { textContent: "Progress" }));
    const attempts = [...new Set(job.steps.map((step) => step.attempt))];
    for (const attempt of attempts) {
      if (attempts.length > 1) parts.push(made("h4", { textContent: `Attempt ${attempt}` }));
      parts.push(made("ol", { className: "steps" }, ...job.steps.filter((step) => step.attempt === attempt).map((step) => made("li", {
        textContent: `${step.done ? "✓" : "…"} ${step.text}${step.done && step.seconds !== null ? ` · ${step.seconds.toFixed(1)} s` : ""}${step.doing ? ` · ${step.doing}` : ""}`,
      }))));
    }
  }
  if (job.proof) parts.push(...proof(job));
  if (job.patch) {
    parts.push(made("h3", { textContent: "Patch" }), made("p", { textContent: `by ${job.made_by} · SHA-256 ${job.patch_sha256.slice(0, 12)}` }), findings(job), diff(job.patch));
  }
  if (job.partial) {
    parts.push(made("h3", { textContent: "Partial result, not proven" }),
      made("p", { textContent: `${job.partial_why} Somewhere to start from by hand; it can't be approved.` }), diff(job.partial));
  }
  if (job.moved_to) {
    parts.push(made("p", { textContent: `Outdated: ${job.branch} moved to ${job.moved_to.slice(0, 7)} and is red there too; this was proved at ${job.base.slice(0, 7)}. Re-test proves the same patch there.` }));
  }
  if (job.decisions.length || job.first_approved_by) parts.push(made("h3", { textContent: "Decisions" }));
  for (const one of job.decisions) {
    parts.push(made("p", { textContent: `${one.done} by ${one.by} (${one.medium}) ${new Date(one.at).toLocaleString()}${one.text ? `: ${one.text}` : ""}` }));
  }
  if (job.first_approved_by) parts.push(made("p", { textContent: `Approved once by @${job.first_approved_by}; a second person has to approve as well.` }));
  parts.push(buttons(job));
  if (state.said) parts.push(told(state.said));
  const open = new Set([...document.querySelectorAll("#detail details[open] > summary")].map((one) => one.textContent));
  const pressed = at("detail").contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
  const same = state.shown && JSON.parse(state.shown)[0].id === job.id;
  state.shown = shown;
  at("detail").replaceChildren(...parts.filter(Boolean));
  if (!same) return;
  for (const one of document.querySelectorAll("#detail summary")) one.parentElement.open = open.has(one.textContent);
  const again = pressed && [...at("detail").querySelectorAll("button")].find((one) => one.getAttribute("aria-label") === pressed);
  if (again) again.focus();
}

const CHECKS = { "same commit": "Same commit again", "base commit": "At its base", "suspect change": "Suspect change" };

function facts(rows) {
  return made("dl", { className: "facts" }, ...rows.filter(([, value]) => value).map(([name, value]) =>
    made("div", {}, made("dt", { textContent: name }), made("dd", { textContent: value }))));
}

function plainly(text) {
  return text.replace(/\s+/g, " ").replace(/\.$/, "").trim().toLowerCase();
}

function diagnosis(job) {
  if (!job.diagnosis) return [];
  const why = job.why;
  const commit = why.suspect_commit;
  const quoted = why.evidence.map((one) => `${String(one.number).padStart(6)}  ${one.text}`).join("\n");
  return [
    made("h3", { textContent: "Diagnosis" }),
    // Where it only says what the heading says, the rest is what one wants to know.
    plainly(job.diagnosis) === plainly(job.title) ? null : made("p", { textContent: job.diagnosis }),
    why.explanation ? made("p", { textContent: why.explanation }) : null,
    facts([
      ["Category", why.category], ["Blame", why.blame],
      ["Suspect commit", commit && `${commit.sha.slice(0, 7)}${commit.author ? ` by ${commit.author}` : ""}${commit.subject ? ` · ${commit.subject}` : ""}`],
      ["Suspect", why.suspect_files.join(", ")],
      ...why.checks.map((one) => [CHECKS[one.name] || one.name, `${one.verdict} · ${one.detail}`]),
      ["Would prove it wrong", why.disproof],
      ["Read by", why.author], ["Note", why.notes.join(" ")],
    ]),
    quoted ? made("pre", { textContent: quoted }) : null,
  ];
}

function proof(job) {
  const { before, after, suite_command, suite_before, suite_after, command, engine, image, left_out } = job.proof;
  const last = after[after.length - 1];
  const passed = after.filter((one) => one.passed).length;
  const seen = `$ ${command}\n${before.output}${last ? `\n\nwith the patch:\n${last.output}` : ""}`;
  return [
    made("h3", { textContent: `Proof · ${job.cured ? "red before, green after" : job.reproduced ? "reproduced, not cured" : "not reproduced"}` }),
    facts([
      ["Before", `${before.verdict} · ${before.seconds.toFixed(1)} s`],
      ["With the patch", last && `green in ${passed} of ${after.length} runs · ${last.verdict} · ${last.seconds.toFixed(1)} s`],
      ["Wider suite", suite_after ? `${suite_before ? `before: ${suite_before.verdict}; ` : ""}with the patch: ${suite_after.verdict} · $ ${suite_command}` : "not run"],
      ["Not as in CI", left_out.join(" ")], ["Sandbox", [engine, image.slice(0, 40)].filter(Boolean).join(" · ")],
    ]),
    made("details", {}, made("summary", { textContent: "Output" }), made("pre", { textContent: seen })),
    made("h3", { textContent: `Confidence · ${Math.round(job.confidence * 100)} %` }),
    made("ul", { className: "inputs" }, ...job.facts.map((one) => made("li", {}, made("span", { textContent: `${one.worth < 0 ? "−" : "+"}${Math.abs(one.worth).toFixed(2)}` }), one.text))),
  ];
}

function told(text) {
  const said = made("p", { className: "said", textContent: text });
  said.setAttribute("role", "status");
  return said;
}

function findings(job) {
  if (!job.findings.length) return null;
  return made("ul", { className: "findings" }, ...job.findings.map((one) => made("li", {
    textContent: `${one.to_override ? "⚠️ Risk" : "📝 Note"} · ${one.rule} · ${one.path}:${one.line} · ${one.message}`,
  })));
}

function buttons(job) {
  const verbs = { awaiting_approval: [job.moved_to ? "retest" : "approve", "retry", "reject", "escalate"], escalated: ["retry", "reject"], expired: ["retry"] }[job.state]
    || (["queued", "ingesting", "diagnosing", "repairing", "validating"].includes(job.state) ? ["escalate"] : []);
  if (!verbs.length) return null;
  if (!state.login) return made("p", { textContent: "Sign in to decide; the same works in Slack and on the pull request." });
  const row = verbs.map((verb) => {
    // The dots say that a form comes first, as in Slack; a re-test changes nothing that waits for anybody.
    const button = made("button", { className: verb, textContent: verb === "retest" ? "Re-test" : `${capital(verb)}…`,
      onclick: () => verb === "retest" ? press(job, verb, "").then(refresh) : consider(job, verb) });
    button.setAttribute("aria-label", `${capital(verb).replace("Retest", "Re-test")} ${job.incident}`);
    return button;
  });
  return made("div", { className: "actions" }, ...row);
}

function capital(word) {
  return word[0].toUpperCase() + word.slice(1);
}

// What a form says before anything is decided, and what it asks for.
const FORMS = {
  approve: (job) => {
    const where = job.on_pull_request ? `Hand this patch over on pull request #${job.on_pull_request} of ` : "Open a draft pull request on ";
    const risks = job.findings.filter((one) => one.to_override).length;
    const override = `The patch guard has found ${risks === 1 ? "a risk" : `${risks} risks`}. With your approval you override ${risks === 1 ? "it" : "them"}.`;
    return { says: [
      made("p", {}, where, made("b", { textContent: job.repository }), ` (${job.branch}) with the patch `,
        made("code", { textContent: job.patch_sha256.slice(0, 12), title: `SHA-256 ${job.patch_sha256}` }), ` by ${job.made_by}?`),
      risks ? made("p", { className: "warning", textContent: override }) : null,
      findings(job),
    ] };
  },
  retry: (job) => ({
    says: [made("p", { textContent: job.state === "awaiting_approval" ? "The patch that waits for a decision is sent back, and another one is looked for." : "PatchPilot tries once more." }),
      // As Slack's form says it: nobody should write what nobody reads.
      job.why && job.why.author === "rules" ? made("p", { className: "quiet", textContent: "No model worked on this: tools and memory would look again, and they can't read a hint. Without a model (ANTHROPIC_API_KEY) they rarely find another fix." }) : null],
    asks: "Hint for the next attempt", hint: "What should be different? It is shown in the thread.",
  }),
  reject: (job) => ({
    says: [made("p", { textContent: `Nothing is changed, and ${job.incident} stays red until somebody mends it.` })],
    asks: "Why? (optional)", hint: "The next attempt and the figures know it; it is shown in the thread.",
  }),
  escalate: () => ({
    says: [made("p", { textContent: "PatchPilot stops working on it and leaves it to people." })],
    asks: "What they should know (optional)", hint: "It is shown in the thread.",
  }),
};

// Asks before it decides. What was typed stays until the decision is taken, whatever news come meanwhile.
function consider(job, verb) {
  const { says, asks, hint } = FORMS[verb](job);
  const text = made("textarea", { id: "considered", rows: 3, maxLength: 1500, autofocus: true });
  text.setAttribute("aria-describedby", "considered-hint");
  const refusal = made("p", { className: "warning", hidden: true });
  refusal.setAttribute("role", "alert");
  const sure = made("button", { className: verb, textContent: capital(verb) });
  // Whoever holds Enter down on the button behind has not decided yet.
  const cancel = made("button", { type: "button", textContent: "Cancel", autofocus: !asks, onclick: () => dialog.close() });
  const field = asks ? [made("label", { htmlFor: "considered", textContent: asks }), text,
    made("p", { id: "considered-hint", className: "quiet", textContent: hint })] : [];
  const form = made("form", { method: "dialog" }, made("h2", { id: "considering", textContent: `${capital(verb)} ${job.incident}` }),
    ...says.filter(Boolean), ...field, refusal, made("div", { className: "actions" }, sure, cancel));
  const dialog = made("dialog", {}, form);
  dialog.setAttribute("aria-labelledby", "considering");
  form.onsubmit = async (event) => {
    event.preventDefault();
    if (sure.disabled) return;
    sure.disabled = true;
    const done = await press(job, verb, text.value);
    sure.disabled = false;
    refusal.textContent = state.said;
    refusal.hidden = done;
    if (done) dialog.close();
    await refresh();
  };
  dialog.onclose = () => {
    dialog.remove();
    const back = document.querySelector(`#detail .${verb}`);
    if (back) back.focus();
  };
  document.body.append(dialog);
  dialog.showModal();
}

// Whether there is nothing left to do; what is said of it is in state.said.
async function press(job, verb, text) {
  try {
    const said = await ask("/api/dashboard/decisions", {
      method: "POST", headers: { "Content-Type": "application/json", "X-PatchPilot": "dashboard" },
      body: JSON.stringify({ job: job.id, verb, text, patch_sha256: job.patch_sha256 || "", key: crypto.randomUUID ? crypto.randomUUID() : "" }),
    });
    state.said = said.text;
    return ["applied", "answered", "repeated"].includes(said.ruling);
  } catch (error) {
    state.said = error.message;
    return false;
  }
}

function form(path, text) {
  // Signing in leads back to what is being looked at.
  const back = made("input", { type: "hidden", name: "back" });
  return made("form", { method: "post", action: path, onsubmit: () => { back.value = location.pathname + location.hash; } },
    back, made("button", { textContent: text }));
}

async function whoAmI() {
  state.words = await ask("/api/dashboard/states");
  const me = await ask("/api/dashboard/me");
  state.login = me.login;
  if (me.login) at("me").replaceChildren(`@${me.login} `, form("/auth/dashboard/out", "Sign out"));
  else if (me.can_sign_in) at("me").replaceChildren(form("/auth/dashboard", "Sign in with GitHub"));
  else at("me").replaceChildren("Reading only: sign-in is not set up");
}

function follow(pause) {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const socket = new WebSocket(`${scheme}://${location.host}/api/live${state.last ? `?after=${state.last}` : ""}`);
  let waiting = null;
  let begun = false;
  socket.onopen = () => { at("live").textContent = "live"; at("live").className = "on"; pause = 500; refresh(); };
  socket.onmessage = (message) => {
    const news = JSON.parse(message.data);
    // The first empty one says that the feed has begun: what came before it is looked up.
    if (!news.id && begun) return;
    begun = true;
    state.last = news.id ?? state.last;
    // A burst of news is one look.
    waiting ??= setTimeout(() => { waiting = null; refresh(); }, 250);
  };
  socket.onclose = () => {
    at("live").textContent = "not connected, trying again …";
    at("live").className = "";
    setTimeout(() => follow(Math.min(pause * 2, 15000)), pause);
  };
}

async function refresh() {
  try {
    await list();
    if (state.chosen) await show();
  } catch (error) {
    unshown(error.message);
  }
}

at("more").onclick = () => list(state.next);
addEventListener("hashchange", () => choose(location.hash.slice(1)));
state.chosen = location.hash.slice(1);
whoAmI().catch(() => {}).finally(() => follow(500));
