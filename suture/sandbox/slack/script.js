"use strict";
// The page of the played workspace. Texts are set with textContent alone; there is no way from a message to markup.
const $ = (id) => document.getElementById(id);
let user = new URLSearchParams(location.search).get("user") || "U0SAM";
let channel = "C0SECURITY", shown = "", opened = "";
const unfolded = new Set();

function make(tag, text, cls) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (cls) node.className = cls;
  return node;
}

async function ask(what, body) {
  $("notice").textContent = "";
  try {
    const answer = await fetch("/ui/" + what, {
      method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({user, ...body})});
    const said = await answer.json();
    if (!said.ok) $("notice").textContent = "Slack says: " + said.error;
    else if (said.status === 0) $("notice").textContent = "The app did not answer within three seconds.";
    else if (said.status !== 200) $("notice").textContent = "The app answered with status " + said.status + ".";
  } catch (error) { $("notice").textContent = "The sandbox is gone."; }
  refresh();
}

const EMOJI = {large_yellow_circle: "🟡", large_green_circle: "🟢", large_blue_circle: "🔵", red_circle: "🔴",
  hourglass_flowing_sand: "⏳", white_circle: "⚪"};

function inline(one, people) {
  if (one.type === "user") return make("span", "@" + (people[one.user_id] || one.user_id), "mention");
  if (one.type === "emoji") return make("span", EMOJI[one.name] || ":" + one.name + ":");
  if (one.type === "date") {
    const time = make("time", new Date(one.timestamp * 1000).toLocaleString([], {dateStyle: "medium", timeStyle: "short"}));
    time.dateTime = one.fallback || "";
    return time;
  }
  const style = one.style || {};
  return make(style.code ? "code" : style.bold ? "b" : "span", one.text);
}

function rich(block, people) {
  const box = make("div");
  for (const part of block.elements) {
    if (part.type === "rich_text_preformatted") {
      box.append(make("pre", part.elements.map((e) => e.text).join("")));
      continue;
    }
    const line = make("p");
    for (const one of part.elements) line.append(inline(one, people));
    box.append(line);
  }
  return box;
}

function buttons(block, where) {
  const row = make("div", undefined, "actions");
  for (const element of block.elements) {
    const button = make("button", element.text.text, element.style || "");
    button.type = "button";
    button.addEventListener("click", () => ask("click", {...where, action: element.action_id}));
    row.append(button);
  }
  return row;
}

function field(block, errors) {
  const box = make("div"), label = make("label", block.label.text);
  const input = make(block.element.multiline ? "textarea" : "input");
  input.name = block.block_id;
  input.id = "field-" + block.block_id;
  input.maxLength = block.element.max_length || 3000;
  label.htmlFor = input.id;
  box.append(label, input);
  if (block.hint) box.append(make("p", block.hint.text, "dim"));
  if (errors && errors[block.block_id]) box.append(make("p", errors[block.block_id], "error"));
  return box;
}

function render(blocks, people, where, errors) {
  return blocks.map((block) => {
    if (block.type === "header") return make("h2", block.text.text);
    if (block.type === "rich_text") return rich(block, people);
    if (block.type === "actions") return buttons(block, where);
    if (block.type === "input") return field(block, errors);
    if (block.type === "context") return make("p", block.elements.map((e) => e.text).join(" "), "dim");
    if (block.type === "section") return make("p", block.text.text);
    return make("hr");
  });
}

function article(message, people, isReply) {
  const box = make("article", undefined, message.only_for ? "aside" : "");
  const head = make("p"), at = new Date(parseFloat(message.ts) * 1000);
  head.append(make("span", "Suture ", "by"), make("span", "app  ", "dim"), make("time", at.toLocaleTimeString()));
  if (message.edited) head.append(make("span", " (edited)", "dim"));
  if (message.only_for) head.append(make("span", "  Only visible to you", "dim"));
  if (message.broadcast && !isReply) head.append(make("span", "  replied to a thread", "dim"));
  const body = message.blocks.length
    ? render(message.blocks, people, {channel: message.channel, ts: message.ts}) : [make("p", message.text)];
  box.append(head, ...body);
  if (!isReply && message.replies && message.replies.length) {
    const thread = make("details"), count = message.replies.length;
    thread.open = unfolded.has(message.ts);
    thread.addEventListener("toggle", () => thread.open ? unfolded.add(message.ts) : unfolded.delete(message.ts));
    thread.append(make("summary", count + (count === 1 ? " reply" : " replies")),
      ...message.replies.map((reply) => article(reply, people, true)));
    box.append(thread);
  }
  return box;
}

function showWindow(view, people) {
  const key = view ? view.id + JSON.stringify(view.errors || {}) : "";
  if (key === opened) return;
  const before = {};
  for (const input of $("fields").elements) if (input.name) before[input.name] = input.value;
  const same = view && opened.startsWith(view.id);
  opened = key;
  if (!view) { $("window").close(); return; }
  const close = make("button", view.close ? view.close.text : "Close");
  close.type = "button";
  close.addEventListener("click", () => ask("close", {}));
  const row = make("div", undefined, "actions");
  row.append(close);
  if (view.submit) { const send = make("button", view.submit.text); send.type = "submit"; row.append(send); }
  $("fields").replaceChildren(make("h2", view.title.text), ...render(view.blocks, people, {}, view.errors), row);
  if (same) for (const input of $("fields").elements) if (before[input.name]) input.value = before[input.name];
  if (!$("window").open) $("window").showModal();
}

$("fields").addEventListener("submit", (event) => {
  event.preventDefault();
  const values = {};
  for (const input of $("fields").elements) if (input.name) values[input.name] = input.value;
  ask("submit", {values});
});
$("window").addEventListener("cancel", () => ask("close", {}));
$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  ask("command", {channel, text: $("text").value});
  $("text").value = "";
});
$("user").addEventListener("change", () => { user = $("user").value; shown = ""; refresh(); });

function tabs(state) {
  const items = [...state.channels.map((c) => [c.id, "# " + c.name]), ["home", "Home of Suture"]];
  $("channels").replaceChildren(...items.map(([id, name]) => {
    const item = make("li"), button = make("button", name);
    if (id === channel) button.setAttribute("aria-current", "page");
    button.addEventListener("click", () => { channel = id; shown = ""; id === "home" ? ask("home", {}) : refresh(); });
    item.append(button);
    return item;
  }));
}

function draw(state) {
  if (!$("user").options.length)
    for (const [id, name] of Object.entries(state.people)) $("user").append(new Option(name, id, false, id === user));
  $("user").value = user;
  tabs(state);
  const open = state.channels.find((c) => c.id === channel), box = $("messages");
  $("name").textContent = open ? "# " + open.name + (open.archived ? " (archived)" : "") : "Home of Suture";
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 80;
  if (open) box.replaceChildren(...open.messages.map((m) => article(m, state.people, false)));
  else box.replaceChildren(...(state.home ? render(state.home.blocks, state.people, {channel: "", ts: ""}) : []));
  if (open && !open.messages.length) box.append(make("p", "Nothing yet. Change something in the sandbox.", "dim"));
  if (atEnd) box.scrollTop = box.scrollHeight;
  showWindow(state.window, state.people);
}

async function refresh() {
  try {
    const text = await (await fetch("/ui/state?user=" + encodeURIComponent(user))).text();
    if (text + channel === shown) return;
    shown = text + channel;
    draw(JSON.parse(text));
  } catch (error) { $("notice").textContent = "The sandbox is gone."; }
}
refresh();
setInterval(refresh, 700);
