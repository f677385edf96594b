// Block Kit as elements. `surface` says what happens when somebody uses one: surface.press(element, block, value).

import { el, nodes } from "./dom.js";
import { input } from "./inputs.js";
import { confirmed } from "./confirm.js";

export function blocks(list, surface) {
  return list.map((block) => {
    const draw = BLOCKS[block.type];
    const made = draw ? draw(block, surface) : el("p", { class: "quiet" }, `[${block.type}]`);
    made.classList.add("block");
    return made;
  });
}

const BLOCKS = {
  header: (block) => el("h3", { class: "block-header" }, nodes(block.text.nodes)),
  divider: () => el("hr"),
  markdown: (block) => el("div", { class: "markdown" }, nodes(block.nodes)),
  rich_text: (block) => el("div", { class: "rich" }, nodes(block.nodes)),
  context: (block) => el("div", { class: "context" }, block.elements.map((item) => contextItem(item))),
  actions: (block, surface) => el("div", { class: "actions" }, block.elements.map((item) => element(item, block, surface))),
  image: (block) =>
    el("figure", { class: "picture" }, block.title && el("figcaption", {}, nodes(block.title.nodes)), image(block)),
  section: (block, surface) =>
    el(
      "div",
      { class: "section" },
      el(
        "div",
        { class: "section-body" },
        block.text && el("div", { class: "text" }, nodes(block.text.nodes)),
        block.fields && el("div", { class: "fields" }, block.fields.map((field) => el("div", {}, nodes(field.nodes)))),
      ),
      block.accessory && el("div", { class: "accessory" }, element(block.accessory, block, surface)),
    ),
  input: (block, surface) => input(block, surface),
  table: (block) =>
    el(
      "div",
      { class: "scroll" },
      el("table", {}, el("tbody", {}, block.cells.map((row) => el("tr", {}, row.map((cell) => el("td", {}, nodes(cell))))))),
    ),
  video: (block) => el("p", {}, el("a", { href: block.video_url, target: "_blank", rel: "noopener noreferrer" }, block.alt_text)),
};

function contextItem(item) {
  return item.type === "image" ? image(item, "tiny") : el("span", {}, nodes(item.nodes));
}

// Pictures from elsewhere are not loaded: fetching them would tell their server who looked.
function image(item, kind = "") {
  const id = item.slack_file && (item.slack_file.id || (item.slack_file.url.match(/\/files\/([^/]+)\//) || [])[1]);
  if (id) return el("img", { class: kind, src: `/playground/files/${encodeURIComponent(id)}`, alt: item.alt_text });
  return el("span", { class: `outside ${kind}`, role: "img", "aria-label": item.alt_text, title: item.image_url }, item.alt_text);
}

export function element(item, block, surface) {
  const draw = ELEMENTS[item.type];
  if (draw) return draw(item, block, surface);
  return input({ ...block, element: item, label: null }, surface, (value) => use(item, block, surface, value));
}

async function use(item, block, surface, value, control) {
  if (item.confirm && !(await confirmed(item.confirm))) return;
  control?.classList.add("busy");
  control?.setAttribute("aria-busy", "true");
  await surface.press(item, block, value);
  control?.classList.remove("busy");
  control?.removeAttribute("aria-busy");
}

const ELEMENTS = {
  image: (item) => image(item, "thumb"),
  button: (item, block, surface) => {
    const made = el(
      item.url ? "a" : "button",
      {
        class: `button ${item.style || ""}`,
        href: item.url,
        target: item.url ? "_blank" : undefined,
        rel: item.url ? "noopener noreferrer" : undefined,
        type: item.url ? undefined : "button",
        "aria-label": item.accessibility_label,
        dataset: { action: item.action_id },
      },
      nodes(item.text.nodes),
    );
    made.addEventListener("click", () => use(item, block, surface, null, made));
    return made;
  },
  overflow: (item, block, surface) => overflow(item, (value, control) => use(item, block, surface, value, control)),
};

function overflow(item, choose) {
  const menu = el("div", { class: "menu", role: "menu", hidden: true });
  const toggle = el(
    "button",
    {
      class: "button overflow",
      type: "button",
      "aria-haspopup": "menu",
      "aria-expanded": "false",
      "aria-label": "More actions",
      dataset: { action: item.action_id },
    },
    "⋯",
  );
  const show = (open) => {
    menu.hidden = !open;
    toggle.setAttribute("aria-expanded", String(open));
    if (open) menu.firstElementChild.focus();
  };
  for (const option of item.options) {
    const dataset = { action: `${item.action_id} ${option.value}` };
    const attributes = { class: "menu-item", role: "menuitem", type: "button", tabindex: "-1", dataset };
    const entry = el("button", attributes, nodes(option.text.nodes), option.description && el("small", {}, nodes(option.description.nodes)));
    entry.addEventListener("click", () => {
      show(false);
      toggle.focus();
      if (option.url) window.open(option.url, "_blank", "noopener");
      choose(option.value, toggle);
    });
    menu.append(entry);
  }
  toggle.addEventListener("click", () => show(menu.hidden));
  const wrapper = el("span", { class: "overflow-menu" }, toggle, menu);
  wrapper.addEventListener("keydown", (event) => {
    const entries = [...menu.children];
    const at = entries.indexOf(document.activeElement);
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape" && !menu.hidden) {
      event.stopPropagation();
      show(false);
      toggle.focus();
    } else if (move && !menu.hidden) {
      event.preventDefault();
      entries[(at + move + entries.length) % entries.length].focus();
    }
  });
  wrapper.addEventListener("focusout", (event) => {
    if (!wrapper.contains(event.relatedTarget)) show(false);
  });
  return wrapper;
}
