// Slack's confirmation dialog.

import { el, nodes } from "./dom.js";

export function confirmed(question) {
  const dialog = document.getElementById("confirm");
  return new Promise((resolve) => {
    const answer = (yes) => {
      dialog.close();
      resolve(yes);
    };
    dialog.replaceChildren(
      el("h2", { id: "confirm-title" }, nodes(question.title.nodes)),
      el("p", {}, nodes(question.text.nodes)),
      el(
        "div",
        { class: "dialog-buttons" },
        el("button", { type: "button", class: "button", onclick: () => answer(false) }, nodes(question.deny.nodes)),
        el(
          "button",
          { type: "button", class: `button ${question.style || "primary"}`, onclick: () => answer(true) },
          nodes(question.confirm.nodes),
        ),
      ),
    );
    dialog.oncancel = () => resolve(false);
    dialog.showModal();
  });
}
