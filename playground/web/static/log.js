// A job's log: GitHub's groups fold, its time stamps go, errors and warnings are marked.

import { el } from "./dom.js";
import { read } from "./link.js";

const STAMP = /^\uFEFF?\d{4}-\d\d-\d\dT[\d:.]+Z ?/;
// Terminal colours mean nothing here.
const ESCAPES = /\u001b\[[0-9;?]*[ -/]*[@-~]/g;
const MOST_LINES = 4000;

export function log(repo, job) {
  const place = el("div", { class: "log", tabindex: "0", role: "region", "aria-label": `Log of ${job.name}` }, el("p", { class: "quiet" }, "Loading the log…"));
  read(`/playground/log?repo=${encodeURIComponent(repo.full_name)}&job=${job.id}`)
    .then((response) => response.text())
    .then((text) => place.replaceChildren(...folded(text)))
    .catch((error) => place.replaceChildren(el("p", { class: "quiet" }, error.message)));
  return place;
}

function folded(text) {
  const top = [];
  let group = null;
  const lines = text.split("\n").slice(-MOST_LINES);
  for (const [index, raw] of lines.entries()) {
    const line = raw.replace(STAMP, "").replace(ESCAPES, "");
    if (line.startsWith("##[group]")) {
      group = el("details", {}, el("summary", {}, line.slice(9)));
      top.push(group);
    } else if (line.startsWith("##[endgroup]")) {
      group = null;
    } else if (index < lines.length - 1 || line) {
      (group ? group.append.bind(group) : top.push.bind(top))(logLine(line));
    }
  }
  return top.length ? top : [el("p", { class: "quiet" }, "Nothing has been logged yet.")];
}

function logLine(line) {
  const marked = line.match(/^##\[(error|warning|notice|command|debug)\](.*)$/);
  return marked ? el("div", { class: marked[1] }, marked[2]) : el("div", {}, line || " ");
}
