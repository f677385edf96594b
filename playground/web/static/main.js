// The page: who acts, where they look, and drawing what the playground says.

import { el } from "./dom.js";
import { follow, state } from "./link.js";
import { avatar, showSlack, user } from "./slack.js";
import { isOpen, showGithub } from "./github.js";
import { showModal } from "./modal.js";

const main = document.getElementById("main");
const chooser = document.getElementById("me");

function route() {
  const parts = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  if (parts[0] === "github") {
    const [, owner, name, kind, id, more] = parts;
    const found = { side: "github", repo: name ? `${owner}/${name}` : "", tab: kind || "" };
    if (kind === "pull") return { ...found, pull: Number(id), tab: more || "" };
    if (kind === "run") return { ...found, run: Number(id), job: more ? Number(more) : undefined };
    return found;
  }
  if (parts[1] === "app") return { side: "slack", app: parts[2], tab: parts[3] || "home" };
  return { side: "slack", channel: parts[1], thread: parts[2] };
}

// Permalinks and GitHub's addresses lead to the same page; they become routes.
function routeOf(address) {
  const message = address.pathname.match(/^\/archives\/(\w+)\/p(\d+)(\d{6})$/);
  if (message) return `#/slack/${message[1]}/${address.searchParams.get("thread_ts") || `${message[2]}.${message[3]}`}`;
  const pull = address.pathname.match(/^\/([\w.-]+\/[\w.-]+)\/pull\/(\d+)(\/files)?/);
  if (pull) return `#/github/${pull[1]}/pull/${pull[2]}${pull[3] || ""}`;
  const run = address.pathname.match(/^\/([\w.-]+\/[\w.-]+)\/actions\/runs\/(\d+)(?:\/jobs?\/(\d+))?/);
  if (run) return `#/github/${run[1]}/run/${run[2]}${run[3] ? `/${run[3]}` : ""}`;
  const commit = address.pathname.match(/^\/([\w.-]+\/[\w.-]+)\/commit\//);
  if (commit) return `#/github/${commit[1]}/commits`;
  const repo = address.pathname.match(/^\/([\w.-]+\/[\w.-]+)\/?$/);
  return repo && !address.pathname.startsWith("/playground/") ? `#/github/${repo[1]}` : "";
}

function me() {
  const people = state.slack.users.filter((person) => !person.bot);
  const wanted = sessionStorage.getItem("me");
  return (people.find((person) => person.id === wanted) || people[0])?.id || "";
}

function draw() {
  if (!state.slack) return;
  const here = route();
  const mine = me();
  who(mine);
  for (const side of ["slack", "github"]) {
    const tab = document.getElementById(`tab-${side}`);
    if (here.side === side) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  const open = state.github.flatMap((repo) => repo.pulls).filter(isOpen).length;
  const count = document.getElementById("github-count");
  count.textContent = String(open);
  count.hidden = open === 0;
  if (here.side === "github") showGithub(main, here, mine);
  else showSlack(main, here, mine);
  const stack = state.slack.modals[mine] || [];
  showModal(stack[stack.length - 1], mine);
}

function who(mine) {
  const people = state.slack.users.filter((person) => !person.bot);
  const version = JSON.stringify([people, mine]);
  if (chooser.dataset.version === version) return;
  chooser.dataset.version = version;
  chooser.replaceChildren(...people.map((person) => el("option", { value: person.id, selected: person.id === mine }, person.real_name)));
  const picture = avatar(user(mine), "small");
  picture.id = "me-avatar";
  document.getElementById("me-avatar").replaceWith(picture);
}

chooser.addEventListener("change", () => {
  sessionStorage.setItem("me", chooser.value);
  draw();
});
window.addEventListener("hashchange", draw);
document.addEventListener("click", (event) => {
  const target = event.target.closest("a[href]");
  if (!target || event.ctrlKey || event.metaKey || target.getAttribute("href").startsWith("#")) return;
  const address = new URL(target.href);
  const inside = address.origin === location.origin && routeOf(address);
  if (inside) {
    event.preventDefault();
    location.hash = inside;
  }
});

const start = routeOf(new URL(location.href));
if (start) history.replaceState(null, "", `/${start}`);
else if (location.pathname !== "/") history.replaceState(null, "", "/");

follow(draw, (connected) => {
  const line = document.getElementById("connection");
  line.textContent = connected ? "live" : "reconnecting…";
  line.classList.toggle("on", connected);
});
