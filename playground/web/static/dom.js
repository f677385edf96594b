// Elements from data. Nothing on this page is ever parsed as HTML: text goes in as text nodes only.

const TAGS = new Set([
  "a", "b", "blockquote", "br", "code", "details", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i",
  "kbd", "li", "ol", "p", "pre", "s", "span", "strong", "sub", "summary", "sup", "table", "tbody", "td", "th",
  "thead", "time", "tr", "ul",
]);
const KINDS = new Set(["mention", "broadcast", "quiet"]);
const LINK = /^(https?:\/\/|mailto:)/i;

// el("button", { class: "x", onclick: f, "aria-label": "…" }, "text", child, …)
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "class") made.className = value;
    else if (name === "dataset") Object.assign(made.dataset, value);
    else if (name in made && typeof value !== "string") made[name] = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  append(made, children);
  return made;
}

export function append(parent, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== undefined && child !== null && child !== false) parent.append(child);
  }
}

// The server's node trees: a string, or [tag, attributes, child, …].
export function nodes(tree) {
  return (tree || []).map(node);
}

function node(item) {
  if (typeof item === "string") return document.createTextNode(item);
  const [tag, attributes, ...children] = item;
  const made = document.createElement(TAGS.has(tag) ? tag : "span");
  if (tag === "a" && LINK.test(attributes.href || "")) {
    made.href = attributes.href;
    made.target = "_blank";
    made.rel = "noopener noreferrer";
  }
  if (tag === "time") {
    const when = new Date(attributes.ts * 1000);
    made.dateTime = when.toISOString();
    made.title = when.toLocaleString();
    made.textContent = formatted(when, attributes.format);
    return made;
  }
  if (tag === "details" && attributes.open) made.open = true;
  if (KINDS.has(attributes.kind)) made.className = attributes.kind;
  if (tag === "pre" && attributes.language === "diff") {
    made.className = "diff-text";
    for (const line of String(children[0] || "").split("\n")) made.append(diffLine(line), "\n");
    return made;
  }
  made.append(...children.map(node));
  return made;
}

function diffLine(line) {
  const kind = line.startsWith("+") ? "added" : line.startsWith("-") ? "removed" : line.startsWith("@@") ? "hunk" : "";
  return el("span", { class: kind }, line);
}

// Slack's date tokens: https://docs.slack.dev/messaging/formatting-message-text#date-formatting
function formatted(when, format) {
  const day = (options) => when.toLocaleDateString(undefined, options);
  const clock = (options) => when.toLocaleTimeString(undefined, options);
  const values = {
    date_num: () => when.toISOString().slice(0, 10),
    date: () => day({ year: "numeric", month: "long", day: "numeric" }),
    date_short: () => day({ year: "numeric", month: "short", day: "numeric" }),
    date_long: () => day({ weekday: "long", year: "numeric", month: "long", day: "numeric" }),
    date_pretty: () => pretty(when) || values.date(),
    date_short_pretty: () => pretty(when) || values.date_short(),
    date_long_pretty: () => pretty(when) || values.date_long(),
    time: () => clock({ hour: "2-digit", minute: "2-digit" }),
    time_secs: () => clock({ hour: "2-digit", minute: "2-digit", second: "2-digit" }),
    ago: () => ago(when),
  };
  return format.replace(/\{(\w+)\}/g, (whole, name) => (values[name] ? values[name]() : whole));
}

function pretty(when) {
  const today = new Date();
  today.setHours(0, 0, 0, 0);
  const days = Math.floor((when - today) / 86400000);
  return { "-1": "yesterday", 0: "today", 1: "tomorrow" }[days];
}

export function ago(when) {
  const seconds = Math.max(0, (Date.now() - new Date(when)) / 1000);
  if (seconds < 45) return "just now";
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < 86400) return `${Math.round(seconds / 3600)} h ago`;
  return new Date(when).toLocaleDateString(undefined, { month: "short", day: "numeric" });
}

// Bring `parent`'s children in line with `items`; a child stays the same element while its version does.
export function keyed(parent, items, keyOf, versionOf, build) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let position = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    const version = versionOf(item);
    let child = old.get(key);
    if (!child || child.version !== version) {
      const fresh = build(item);
      fresh.dataset.key = key;
      fresh.version = version;
      if (child) {
        if (child === position) position = position.nextElementSibling;
        keepFocus(child, fresh);
      }
      child = fresh;
    }
    old.delete(key);
    if (child === position) position = position.nextElementSibling;
    else if (child.parentNode !== parent || child.nextElementSibling !== position) parent.insertBefore(child, position);
  }
  for (const gone of old.values()) gone.remove();
}

// A person who is tabbing through a card must not lose their place because the card was edited.
function keepFocus(before, after) {
  const focused = before.contains(document.activeElement) ? document.activeElement.dataset.action : undefined;
  before.replaceWith(after);
  const again = focused && after.querySelector(`[data-action="${CSS.escape(focused)}"]`);
  if (!again) return;
  // What stands in a menu takes the focus only while the menu is open.
  if (again.closest("[role=menu]")) again.closest(".overflow-menu").querySelector("[aria-haspopup]").click();
  again.focus();
}
