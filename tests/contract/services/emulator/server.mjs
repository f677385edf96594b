// The GitHub and the Slack of `emulate`, with the few routes that it lacks and PatchPilot needs: subscribing an
// app to events, a failed run with a job and a log behind a redirect, and its signed webhook.
//
//   node server.mjs '{"github": {...seed}, "slack": {...seed}}'
//
// Prints one JSON line with both addresses and the GitHub Apps' generated keys; ends with its standard input.
// The two plugins are internals of the pinned version: their file names are hashes of their content.
const load = (name) => import(new URL(name, import.meta.resolve("emulate")));
const { githubPlugin } = await load("dist-DWLNEG6M.js");
const { slackPlugin } = await load("dist-6ZQHD4DN.js");
const { createEmulator } = await load("api.js");

const runs = new Map();

function before(plugin, routes) {
  const register = plugin.register;
  plugin.register = (app, store, webhooks, ...rest) => {
    routes(app, webhooks);
    register(app, store, webhooks, ...rest);
  };
}

before(slackPlugin, (app, webhooks) => {
  app.post("/_contract/subscribe", async (c) => {
    const { url, events } = await c.req.json();
    webhooks.register({ url, events, active: true, owner: "slack" });
    return c.json({ ok: true });
  });
});

before(githubPlugin, (app, webhooks) => {
  app.post("/_contract/failed-run", async (c) => {
    const { owner, repo, sha, log } = await c.req.json();
    const id = 9000 + runs.size;
    runs.set(id, { log });
    const now = new Date().toISOString();
    await webhooks.dispatch(
      "workflow_run",
      "completed",
      {
        action: "completed",
        workflow_run: {
          id, name: "CI", path: ".github/workflows/ci.yml", head_branch: "main", head_sha: sha, event: "push",
          status: "completed", conclusion: "failure", run_attempt: 1, run_started_at: now, updated_at: now,
          html_url: `http://localhost/${owner}/${repo}/actions/runs/${id}`,
          actor: { login: "ana", id: 2, type: "User" }, pull_requests: [],
          head_repository: { id: 1, full_name: `${owner}/${repo}` },
        },
        repository: { id: 1, full_name: `${owner}/${repo}`, default_branch: "main" },
        sender: { login: "ana", id: 2, type: "User" },
      },
      owner,
      repo,
    );
    return c.json({ id });
  });
  const job = (id) => ({
    id, name: "test", status: "completed", conclusion: "failure", html_url: `http://localhost/jobs/${id}`,
    steps: [{ name: "Run pytest", number: 1, status: "completed", conclusion: "failure" }],
  });
  app.get("/repos/:owner/:repo/actions/runs/:run/attempts/:attempt/jobs", (c) =>
    c.json({ total_count: 1, jobs: [job(Number(c.req.param("run")))] }));
  app.get("/repos/:owner/:repo/actions/jobs/:job/logs", (c) =>
    c.redirect(`${new URL(c.req.url).origin}/_contract/logs/${c.req.param("job")}`));
  app.get("/_contract/logs/:job", (c) => {
    // The address that GitHub redirects to belongs to another host and must not be given a token.
    if (c.req.header("authorization")) return c.text("a token was sent here", 400);
    return c.text(runs.get(Number(c.req.param("job"))).log);
  });
});

const seeds = JSON.parse(process.argv[2]);
const github = await createEmulator({ service: "github", port: 0, seed: { github: seeds.github } });
const slack = await createEmulator({ service: "slack", port: 0, seed: { slack: seeds.slack } });
console.log(JSON.stringify({ github: github.url, slack: slack.url, keys: github.generatedSecrets }));

process.stdin.resume();
process.stdin.on("end", async () => {
  await Promise.allSettled([github.close(), slack.close()]);
  process.exit(0);
});
