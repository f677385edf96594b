// Inputs of modals, and selects outside of them. Each control answers control.entered(): what Slack would send,
// or null while it is untouched.

import { el, nodes } from "./dom.js";
import { state } from "./link.js";

let counter = 0;

// `used(value)` is called when a control outside a form is changed; inside a form the values wait for the submit.
export function input(block, surface, used) {
  const id = `in-${(counter += 1)}`;
  const control = draw(block.element, id, used || (block.dispatch_action ? (value) => surface.press(block.element, block, value) : undefined));
  control.dataset.field = `${block.block_id}.${block.element.action_id}`;
  if (!block.label) return control;
  const group = ["radio_buttons", "checkboxes"].includes(block.element.type);
  return el(
    group ? "fieldset" : "div",
    { class: "field", dataset: { block: block.block_id } },
    el(
      group ? "legend" : "label",
      { for: group ? undefined : id },
      nodes(block.label.nodes),
      block.optional && el("span", { class: "quiet" }, " (optional)"),
    ),
    control,
    el("p", { class: "problem", id: `${id}-problem`, hidden: true }),
    block.hint && el("p", { class: "hint" }, nodes(block.hint.nodes)),
  );
}

// What was entered below `root`, by "block.action".
export function entered(root) {
  const values = {};
  for (const control of root.querySelectorAll("[data-field]")) {
    const value = control.entered();
    if (value !== null) values[control.dataset.field] = value;
  }
  return values;
}

// Put `values` back into fresh controls, as Slack does when a view is updated under somebody's hands.
export function restore(root, values) {
  for (const control of root.querySelectorAll("[data-field]")) {
    if (control.dataset.field in values) control.restore?.(values[control.dataset.field]);
  }
}

function draw(item, id, used) {
  if (item.type === "plain_text_input") return text(item, id, used);
  if (item.type in TYPED) return typed(item, id, used);
  if (item.type === "radio_buttons" || item.type === "checkboxes") return ticks(item, id, used);
  return select(item, id, used);
}

function watched(control, value, used) {
  control.entered = value;
  if (used) control.addEventListener("change", () => used(value()));
  return control;
}

function text(item, id, used) {
  const made = el(item.multiline ? "textarea" : "input", {
    id,
    class: "control",
    rows: item.multiline ? "4" : undefined,
    type: item.multiline ? undefined : "text",
    maxlength: item.max_length ? String(item.max_length) : undefined,
    placeholder: item.placeholder?.text,
    autocomplete: "off",
    autofocus: item.focus_on_load,
    "aria-describedby": `${id}-problem`,
  });
  made.value = item.initial_value || "";
  made.restore = (value) => (made.value = value);
  return watched(made, () => made.value, used);
}

const TYPED = {
  datepicker: ["date", "initial_date"],
  timepicker: ["time", "initial_time"],
  datetimepicker: ["datetime-local", "initial_date_time"],
  number_input: ["number", "initial_value"],
  email_text_input: ["email", "initial_value"],
  url_text_input: ["url", "initial_value"],
};

function typed(item, id, used) {
  const [type, initial] = TYPED[item.type];
  const made = el("input", {
    id,
    type,
    class: "control",
    placeholder: item.placeholder?.text,
    step: item.is_decimal_allowed ? "any" : undefined,
    "aria-describedby": `${id}-problem`,
    "aria-label": used ? item.placeholder?.text || type : undefined,
  });
  const first = item[initial];
  if (type === "datetime-local") {
    if (first) made.value = new Date(first * 1000 - new Date().getTimezoneOffset() * 60000).toISOString().slice(0, 16);
    return watched(made, () => (made.value ? Math.floor(new Date(made.value) / 1000) : ""), used);
  }
  made.value = first || "";
  made.restore = (value) => (made.value = value);
  return watched(made, () => made.value, used);
}

function ticks(item, id, used) {
  const many = item.type === "checkboxes";
  const first = new Set((many ? item.initial_options || [] : [item.initial_option]).filter(Boolean).map((option) => option.value));
  const made = el("div", { class: "ticks", role: many ? "group" : "radiogroup" });
  for (const [index, option] of item.options.entries()) {
    const attributes = { type: many ? "checkbox" : "radio", name: id, value: option.value, checked: first.has(option.value), id: `${id}-${index}` };
    made.append(
      el(
        "label",
        { class: "tick", for: `${id}-${index}` },
        el("input", attributes),
        el("span", {}, nodes(option.text.nodes), option.description && el("small", {}, nodes(option.description.nodes))),
      ),
    );
  }
  const chosen = () => [...made.querySelectorAll("input:checked")].map((tick) => tick.value);
  made.restore = (value) => {
    for (const tick of made.querySelectorAll("input")) tick.checked = [value].flat().includes(tick.value);
  };
  return watched(made, () => (many ? chosen() : chosen()[0] ?? null), used);
}

function select(item, id, used) {
  const many = item.type.startsWith("multi_");
  const made = el("select", {
    id,
    class: "control",
    multiple: many,
    "aria-label": used ? item.placeholder?.text || "Choose" : undefined,
    "aria-describedby": used ? undefined : `${id}-problem`,
    dataset: { action: item.action_id },
  });
  const { groups, first } = choices(item);
  if (!many) made.append(el("option", { value: "", disabled: Boolean(used) }, item.placeholder?.text || "Choose an option"));
  for (const { label, options } of groups) {
    const entries = options.map(([value, shown]) => el("option", { value, selected: first.has(value) }, shown));
    made.append(...(label ? [el("optgroup", { label }, ...entries)] : entries));
  }
  if (!many && !first.size) made.value = "";
  made.restore = (value) => {
    for (const option of made.options) option.selected = [value].flat().includes(option.value);
  };
  return watched(made, () => (many ? [...made.selectedOptions].map((option) => option.value) : made.value), used);
}

function choices(item) {
  const options = (list) => list.map((option) => [option.value, option.text.text]);
  const { users, channels } = state.slack;
  if (item.type.includes("users_select")) {
    const people = users.filter((user) => !user.bot).map((user) => [user.id, `${user.real_name} (@${user.name})`]);
    return { groups: [{ options: people }], first: new Set([item.initial_user, ...(item.initial_users || [])].filter(Boolean)) };
  }
  if (item.type.includes("channels_select") || item.type.includes("conversations_select")) {
    const open = channels.filter((channel) => !channel.im_user && !channel.archived).map((channel) => [channel.id, `#${channel.name}`]);
    const first = [item.initial_channel, item.initial_conversation, ...(item.initial_channels || []), ...(item.initial_conversations || [])];
    return { groups: [{ options: open }], first: new Set(first.filter(Boolean)) };
  }
  const first = [item.initial_option, ...(item.initial_options || [])].filter(Boolean).map((option) => option.value);
  const groups = item.option_groups
    ? item.option_groups.map((group) => ({ label: group.label.text, options: options(group.options) }))
    : [{ options: options(item.options || []) }];
  return { groups, first: new Set(first) };
}
