// The Slack side: sidebar, channel, thread, App Home.

import { ago, append, el, keyed, nodes } from "./dom.js";
import { act, notice, state } from "./link.js";
import { blocks } from "./blocks.js";
import { entered } from "./inputs.js";
import { composer } from "./composer.js";
import { keepAtEnd } from "./ending.js";

const GROUPED_SECONDS = 300;
const QUICK_REACTIONS = ["+1", "eyes", "tada"];
let view = null; // the elements that stay while the state changes

export function showSlack(main, route, me) {
  const place = placeOf(route, me);
  const key = JSON.stringify([me, place.kind, place.id, place.tab]);
  if (!view || view.key !== key || !main.contains(view.root)) {
    view = frame(place, me);
    view.key = key;
    main.replaceChildren(view.root);
  }
  sidebar(view.side, place, me);
  if (place.kind === "home") return home(view, place.app, me);
  timeline(view, place, me);
  thread(view, place, route.thread, me);
}

function placeOf(route, me) {
  const { apps, channels } = state.slack;
  const mine = channels.filter((channel) => channel.members.includes(me) && !channel.im_user);
  const app = apps.find((known) => known.id === route.app);
  if (app && (route.tab === "messages" || !app.home)) {
    const direct = channels.find((channel) => channel.im_user === me && channel.members.includes(app.bot_user));
    return { kind: "direct", id: direct?.id, channel: direct, app, tab: "messages" };
  }
  if (app) return { kind: "home", id: app.id, app, tab: "home" };
  const channel = mine.find((known) => known.id === route.channel) || mine[0];
  return { kind: "channel", id: channel?.id, channel };
}

export const user = (id) =>
  state.slack.users.find((known) => known.id === id) || { id, name: id, real_name: "Somebody", initials: "?", colour: "888888" };

export function avatar(person, kind = "") {
  const made = el("span", { class: `avatar ${kind} ${person.bot ? "bot" : ""}`, "aria-hidden": "true" }, person.initials);
  made.style.setProperty("--tint", `#${person.colour}`);
  return made;
}

// Drawn rather than written: not every machine has a font with this sign.
const lock = () => el("i", { class: "lock" });

// The frame.

function frame(place, me) {
  const made = {};
  made.side = el("nav", { class: "side", "aria-label": "Channels and apps" });
  made.head = el("div", { class: "pane-head" });
  if (place.kind === "home") {
    made.list = el("div", { class: "home" });
    made.pane = el("section", { class: "pane", "aria-label": "App Home" }, made.head, made.list);
  } else {
    made.list = el("div", { class: "timeline", role: "log", "aria-live": "polite", "aria-label": "Messages", tabindex: "0" });
    made.end = keepAtEnd(made.list);
    made.pane = el("section", { class: "pane", "aria-label": "Channel" }, made.head, made.list, place.channel && composer(place.channel, me, "", made.end.follow));
  }
  made.side_pane = el("aside", { class: "pane thread", "aria-label": "Thread", hidden: true });
  made.root = el("div", { class: "slack" }, made.side, made.pane, made.side_pane);
  return made;
}

function sidebar(side, place, me) {
  const { team, apps, channels } = state.slack;
  const mine = channels.filter((channel) => channel.members.includes(me) && !channel.im_user);
  const entry = (href, here, mark, label, note) =>
    el("a", { class: "side-entry", href, "aria-current": here ? "page" : undefined }, el("span", { class: "mark", "aria-hidden": "true" }, mark), el("span", {}, label), note);
  const body = [
    el("h1", { class: "team" }, team),
    el("h2", {}, "Channels"),
    ...mine.map((channel) => entry(`#/slack/${channel.id}`, place.id === channel.id, channel.private ? lock() : "#", channel.name, channel.archived && el("small", {}, "archived"))),
    el("h2", {}, "Apps"),
    ...apps.map((app) =>
      entry(
        `#/slack/app/${app.id}`,
        place.app?.id === app.id,
        avatar(user(app.bot_user), "small"),
        user(app.bot_user).real_name,
        el("i", { class: `dot ${app.active && (!app.socket || app.connected) ? "on" : ""}`, title: app.active ? (app.socket && !app.connected ? "not connected" : "installed") : "removed" }),
      ),
    ),
    el("h2", {}, "People"),
    ...state.slack.users
      .filter((person) => !person.bot)
      .map((person) => el("span", { class: "side-entry person" }, avatar(person, "small"), el("span", {}, person.real_name), person.id === me && el("small", {}, "you"), person.guest && el("small", {}, "guest"))),
  ];
  side.replaceChildren();
  append(side, body);
}

// A channel's line.

function timeline(made, place, me) {
  const { channel, app } = place;
  if (app) appHead(made.head, app, "messages");
  else if (channel) {
    made.head.replaceChildren(
      el("h2", {}, el("span", { class: "mark", "aria-hidden": "true" }, channel.private ? lock() : "#"), ` ${channel.name}`),
      el("p", { class: "quiet" }, channel.topic || `${channel.members.length} members`),
    );
  }
  if (!channel) {
    made.list.replaceChildren(el("p", { class: "empty" }, app ? "No messages yet." : "This person is in no channel."));
    return;
  }
  const all = visible(channel.id, me);
  const replies = new Map();
  for (const message of all) {
    if (message.thread_ts) replies.set(message.thread_ts, [...(replies.get(message.thread_ts) || []), message]);
  }
  const line = all.filter((message) => !message.thread_ts || message.broadcast);
  draw(made, line, replies, me, true);
}

const visible = (channel, me) => (state.slack.messages[channel] || []).filter((message) => !message.only_for || message.only_for === me);

function draw({ list, end }, line, replies, me, inChannel) {
  const items = [];
  let previous = null;
  for (const message of line) {
    const day = dayOf(message.ts);
    if (!previous || dayOf(previous.ts) !== day) items.push({ key: `day-${day}`, day });
    // A card stands for itself, whoever spoke before.
    const grouped =
      previous && !message.blocks.length && !previous.blocks.length && dayOf(previous.ts) === day && previous.user === message.user && message.ts - previous.ts < GROUPED_SECONDS && !message.only_for === !previous.only_for;
    items.push({ key: message.ts, message, grouped, replies: inChannel ? replies.get(message.ts) || [] : [] });
    previous = message;
  }
  if (!items.length) items.push({ key: "none" });
  keyed(
    list,
    items,
    (item) => item.key,
    (item) => JSON.stringify([item.message, item.grouped, item.replies?.map((reply) => [reply.ts, reply.user]), me]),
    (item) => end.watch(row(item, me, inChannel)),
  );
  end.toEnd();
}

function row(item, me, inChannel) {
  if (item.day) return el("div", { class: "day", role: "separator" }, el("span", {}, item.day));
  if (!item.message) return el("p", { class: "empty" }, "Nothing has been said here yet.");
  return messageRow(item, me, inChannel);
}

const dayOf = (ts) => new Date(ts * 1000).toLocaleDateString(undefined, { weekday: "long", month: "long", day: "numeric" });

function messageRow({ message, grouped, replies }, me, inChannel) {
  const author = user(message.user);
  const when = new Date(message.ts * 1000);
  const time = el("time", { class: "when", dateTime: when.toISOString(), title: when.toLocaleString() }, when.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }));
  return el(
    "article",
    { class: `message ${grouped ? "grouped" : ""} ${message.only_for ? "whisper" : ""}`, "aria-label": `${author.real_name}: ${message.spoken}` },
    message.only_for && el("p", { class: "only-you" }, "Only visible to you"),
    message.broadcast && inChannel && el("p", { class: "only-you" }, "replied to a thread"),
    el("div", { class: "gutter" }, grouped ? time.cloneNode(true) : avatar(author)),
    el(
      "div",
      { class: "content" },
      !grouped && el("p", { class: "by" }, el("b", {}, author.real_name), author.bot && el("span", { class: "badge" }, "APP"), time),
      body(message, me),
      reactions(message, me),
      replies.length > 0 && threadLink(message, replies),
    ),
    toolbar(message, me, inChannel),
  );
}

function body(message, me) {
  const surface = {
    press: async (item, block, value) => {
      const root = document.querySelector(`[data-body="${message.ts}"]`);
      const answer = await act({ act: "press", user: me, channel: message.channel, ts: message.ts, action_id: item.action_id, block_id: block.block_id, value, state: root ? entered(root) : {} });
      if (!answer.ok) notice(answer.error === "http_timeout" ? "The app did not answer in time." : answer.error || "The app did not answer.");
    },
  };
  return el(
    "div",
    { class: "body", dataset: { body: message.ts } },
    message.text.length > 0 && el("div", { class: "text" }, nodes(message.text), message.edited && el("span", { class: "quiet" }, " (edited)")),
    blocks(message.blocks, surface),
    message.attachments.map((attachment) => {
      const made = el("div", { class: "attachment" }, el("div", { class: "text" }, nodes(attachment.text)), blocks(attachment.blocks, surface));
      if (attachment.colour) made.style.setProperty("--tint", `#${attachment.colour}`);
      return made;
    }),
    message.files.map(file),
  );
}

function file(item) {
  const href = `/playground/files/${encodeURIComponent(item.id)}`;
  if (item.image) return el("figure", { class: "picture" }, el("figcaption", {}, item.title), el("img", { src: href, alt: item.alt }));
  const size = item.size < 1024 ? `${item.size} B` : `${Math.round(item.size / 1024)} kB`;
  const preview = nodes([["pre", { language: /\.(patch|diff)$/.test(item.name) ? "diff" : "" }, item.preview]])[0];
  return el(
    "div",
    { class: "file" },
    el("a", { href, target: "_blank", rel: "noopener noreferrer" }, "📄 ", el("b", {}, item.title), el("span", { class: "quiet" }, ` ${size}`)),
    item.preview && preview,
  );
}

function reactions(message, me) {
  if (!message.reactions.length) return null;
  return el(
    "div",
    { class: "reactions" },
    message.reactions.map((reaction) =>
      el(
        "button",
        {
          type: "button",
          class: `reaction ${reaction.users.includes(me) ? "mine" : ""}`,
          "aria-label": `${reaction.id}, ${reaction.users.length}: ${reaction.users.map((id) => user(id).name).join(", ")}`,
          onclick: () => act({ act: "react", user: me, channel: message.channel, ts: message.ts, name: reaction.id }),
        },
        `${reaction.name} `,
        el("span", {}, String(reaction.users.length)),
      ),
    ),
  );
}

function threadLink(message, replies) {
  const people = [...new Set(replies.map((reply) => reply.user))].slice(0, 4);
  const last = replies[replies.length - 1];
  return el(
    "a",
    { class: "replies", href: `#/slack/${message.channel}/${message.ts}` },
    people.map((id) => avatar(user(id), "tiny")),
    el("b", {}, `${replies.length} ${replies.length === 1 ? "reply" : "replies"}`),
    el("span", { class: "quiet" }, `last ${ago(last.ts * 1000)}`),
  );
}

function toolbar(message, me, inChannel) {
  if (message.only_for) return null;
  const emoji = { "+1": "👍", eyes: "👀", tada: "🎉" };
  return el(
    "div",
    { class: "toolbar" },
    QUICK_REACTIONS.map((name) =>
      el("button", { type: "button", "aria-label": `React with ${name}`, onclick: () => act({ act: "react", user: me, channel: message.channel, ts: message.ts, name }) }, emoji[name]),
    ),
    inChannel && el("a", { href: `#/slack/${message.channel}/${message.ts}`, "aria-label": "Reply in thread", title: "Reply in thread" }, el("i", { class: "bubble" })),
  );
}

// The thread pane.

function thread(made, place, ts, me) {
  const all = place.channel ? visible(place.channel.id, me) : [];
  const parent = ts && all.find((message) => message.ts === ts);
  const pane = made.side_pane;
  pane.hidden = !parent;
  made.root.classList.toggle("with-thread", Boolean(parent));
  if (!parent) {
    pane.replaceChildren();
    made.thread = null;
    return;
  }
  if (made.thread?.ts !== ts) {
    const list = el("div", { class: "timeline", role: "log", "aria-live": "polite", "aria-label": "Thread", tabindex: "0" });
    const close = el("a", { class: "icon", href: `#/slack/${place.channel.id}`, "aria-label": "Close thread" }, "✕");
    const head = el("div", { class: "pane-head" }, el("h2", {}, "Thread"), el("p", { class: "quiet" }, `# ${place.channel.name}`), close);
    const end = keepAtEnd(list);
    pane.replaceChildren(head, list, composer(place.channel, me, ts, end.follow));
    made.thread = { ts, list, end };
  }
  draw(made.thread, [parent, ...all.filter((message) => message.thread_ts === ts)], new Map(), me, false);
}

// App Home.

function appHead(head, app, tab) {
  const tabLink = (name, label) => el("a", { href: `#/slack/app/${app.id}/${name}`, "aria-current": tab === name ? "page" : undefined }, label);
  const tabs = el("nav", { class: "subtabs", "aria-label": "App" });
  append(tabs, [app.home && tabLink("home", "Home"), tabLink("messages", "Messages")]);
  head.replaceChildren(avatar(user(app.bot_user)), el("h2", {}, user(app.bot_user).real_name), tabs);
}

function home(made, app, me) {
  appHead(made.head, app, "home");
  const shown = state.slack.homes.find((known) => known.app === app.id && known.user === me);
  const version = shown ? `${shown.id}/${shown.hash}` : "none";
  if (!made.opened) {
    made.opened = true;
    act({ act: "open_home", user: me, app: app.id });
  }
  if (made.version === version) return;
  made.version = version;
  const surface = {
    press: async (item, block, value) => {
      const answer = await act({ act: "press", user: me, view_id: shown.id, action_id: item.action_id, block_id: block.block_id, value, state: entered(made.list) });
      if (!answer.ok) notice(answer.error || "The app did not answer.");
    },
  };
  made.list.replaceChildren();
  append(made.list, shown ? blocks(shown.blocks, surface) : [el("p", { class: "empty" }, "This app has not published a Home tab for you yet.")]);
}
