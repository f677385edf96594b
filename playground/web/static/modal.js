// Modals: a real <dialog>, so that focus, Escape and the backdrop behave.

import { append, el } from "./dom.js";
import { act, notice } from "./link.js";
import { blocks } from "./blocks.js";
import { entered, restore } from "./inputs.js";

const dialog = document.getElementById("modal");
let shown = { id: "", hash: "" };
let me = "";

export function showModal(view, user) {
  me = user;
  if (!view) {
    shown = { id: "", hash: "" };
    if (dialog.open) dialog.close();
    return;
  }
  if (view.id !== shown.id || view.hash !== shown.hash) {
    const before = view.id === shown.id ? entered(dialog) : {};
    draw(view);
    restore(dialog, before);
    shown = { id: view.id, hash: view.hash };
  }
  problems(view.errors);
  if (!dialog.open) dialog.showModal();
}

function draw(view) {
  const surface = {
    press: async (item, block, value) => {
      const answer = await act({ act: "press", user: me, view_id: view.id, action_id: item.action_id, block_id: block.block_id, value, state: entered(dialog) });
      if (!answer.ok) notice(answer.error || "The app did not answer.");
    },
  };
  const close = () => act({ act: "close_view", user: me, view_id: view.id });
  const send = el("button", { class: "button primary", type: "submit" }, view.submit || "Submit");
  const form = el(
    "form",
    { method: "dialog", novalidate: true },
    el("div", { class: "modal-head" }, el("h2", { id: "modal-title" }, view.title), el("button", { type: "button", class: "icon", "aria-label": "Close", onclick: close }, "✕")),
    el("div", { class: "modal-body" }, el("p", { class: "problem whole", hidden: true }), blocks(view.blocks, surface)),
    view.submit
      ? el("div", { class: "dialog-buttons" }, el("button", { type: "button", class: "button", onclick: close }, view.close), send)
      : el("div", { class: "dialog-buttons" }, el("button", { type: "button", class: "button", onclick: close }, view.close)),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    const answer = await act({ act: "submit", user: me, view_id: view.id, values: entered(dialog) });
    send.disabled = false;
    if (answer.problems) problems(answer.problems);
    else if (!answer.ok) problems({ "": answer.error === "http_timeout" ? "The app took too long. Try again?" : "We had some trouble connecting. Try again?" });
  });
  dialog.replaceChildren();
  append(dialog, [form]);
  dialog.oncancel = (event) => {
    event.preventDefault();
    close();
  };
}

function problems(found) {
  const whole = dialog.querySelector(".problem.whole");
  if (whole) {
    whole.textContent = found[""] || "";
    whole.hidden = !found[""];
  }
  for (const field of dialog.querySelectorAll("[data-block]")) {
    const problem = found[field.dataset.block];
    const line = field.querySelector(".problem");
    line.textContent = problem || "";
    line.hidden = !problem;
    field.classList.toggle("wrong", Boolean(problem));
    field.querySelector(".control")?.setAttribute("aria-invalid", String(Boolean(problem)));
  }
  dialog.querySelector(".wrong .control")?.focus();
}
