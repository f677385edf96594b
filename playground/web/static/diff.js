// A diff as tables with line numbers.

import { el } from "./dom.js";

const KINDS = { "+": "added", "-": "removed", "@": "hunk", " ": "" };

export function diff(files) {
  if (!files.length) return [el("p", { class: "empty" }, "Nothing is changed.")];
  return files.map((file) =>
    el(
      "details",
      { class: "diff", open: true },
      el("summary", {}, el("b", {}, file.path), file.note && el("span", { class: "badge" }, file.note), el("span", { class: "plus" }, `+${file.added}`), el("span", { class: "minus" }, `−${file.removed}`)),
      el("div", { class: "scroll" }, el("table", {}, el("tbody", {}, file.lines.map(line)))),
    ),
  );
}

function line([kind, before, after, text]) {
  return el(
    "tr",
    { class: KINDS[kind] },
    el("td", { class: "number" }, before === null ? "" : String(before)),
    el("td", { class: "number" }, after === null ? "" : String(after)),
    el("td", { class: "code" }, kind === "@" ? text : `${kind}${text}`),
  );
}
