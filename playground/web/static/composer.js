// The box people type in, with suggestions for commands and names.

import { el } from "./dom.js";
import { act, notice, state } from "./link.js";

// `sent` is called when a person sends something, so that they see it arrive.
export function composer(channel, me, threadTs, sent) {
  if (channel.archived) return el("p", { class: "quiet composer" }, "This channel is archived.");
  const where = threadTs ? "Reply…" : channel.im_user ? "Message the app" : `Message #${channel.name} — / for commands, @ to mention`;
  const box = el("textarea", { rows: "1", placeholder: where, "aria-label": threadTs ? "Reply in thread" : `Message ${channel.name}`, autocomplete: "off" });
  const hints = el("ul", { class: "hints", role: "listbox", "aria-label": "Suggestions", hidden: true });
  const send = el("button", { class: "button primary send", type: "submit", "aria-label": "Send" }, "➤");
  const form = el("form", { class: "composer" }, hints, box, send);

  const grow = () => {
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight, 200)}px`;
  };
  const suggest = () => {
    const found = suggestions(box.value, channel, threadTs);
    hints.replaceChildren(
      ...found.map((hint, index) =>
        el("li", { role: "option", "aria-selected": String(index === 0), onmousedown: (event) => take(event, hint) }, el("b", {}, hint.shown), el("span", { class: "quiet" }, ` ${hint.note}`)),
      ),
    );
    hints.hidden = !found.length;
    return found;
  };
  const take = (event, hint) => {
    event.preventDefault();
    box.value = box.value.slice(0, hint.from) + hint.text;
    suggest();
    box.focus();
  };
  const submit = async () => {
    const text = box.value;
    if (!text.trim()) return;
    box.value = "";
    grow();
    hints.hidden = true;
    sent();
    const answer = await act({ act: "say", user: me, channel: channel.id, text, thread_ts: threadTs });
    if (!answer.ok) {
      notice(answer.error || "That was not sent.");
      if (!box.value) box.value = text;
    }
  };
  box.addEventListener("input", () => {
    grow();
    suggest();
  });
  box.addEventListener("keydown", (event) => {
    const chosen = hints.querySelector('[aria-selected="true"]');
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!hints.hidden && move) {
      event.preventDefault();
      const entries = [...hints.children];
      const next = entries[(entries.indexOf(chosen) + move + entries.length) % entries.length];
      for (const entry of entries) entry.setAttribute("aria-selected", String(entry === next));
    } else if (!hints.hidden && event.key === "Tab") {
      take(event, suggestions(box.value, channel, threadTs)[[...hints.children].indexOf(chosen)]);
    } else if (event.key === "Escape") {
      hints.hidden = true;
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      submit();
    }
  });
  box.addEventListener("blur", () => (hints.hidden = true));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  return form;
}

function suggestions(text, channel, threadTs) {
  if (text.startsWith("/") && !text.includes(" ") && !threadTs) {
    return state.slack.apps
      .filter((app) => app.active)
      .flatMap((app) => app.commands)
      .filter((command) => command.startsWith(text) && command !== text)
      .map((command) => ({ shown: command, text: `${command} `, from: 0, note: "slash command" }));
  }
  const name = text.match(/(?:^|\s)@([\w.-]*)$/);
  if (!name) return [];
  return state.slack.users
    .filter((person) => person.id !== "USLACKBOT" && channel.members.includes(person.id) && person.name.startsWith(name[1].toLowerCase()))
    .slice(0, 6)
    .map((person) => ({ shown: `@${person.name}`, text: `@${person.name} `, from: text.length - name[1].length - 1, note: person.real_name }));
}
