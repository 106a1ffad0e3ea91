import { act, call, segment } from "./api.js";
import { replyForm } from "./compose.js";
import { bytes, day, duration, exactTime, find, h, notify, person, reconcile, setText, threadOf, time } from "./dom.js";

/** Longer threads are shown from their end, and more of them when asked. */
const AT_ONCE = 100;

let shown = { id: null, mark: null, messages: [] };
let latest = AT_ONCE;
/** The state that was asked for last: answers to earlier questions come too late. */
let wanted = null;

/** Turns to another thread. */
export function open(page) {
  shown = { id: page.thread, mark: null, messages: [] };
  latest = AT_ONCE;
  wanted = null;
  find("letters").replaceChildren();
  replyForm(page);
}

export function showConversation(page) {
  const thread = page.thread && threadOf(page, page.thread);
  find("nothing").hidden = Boolean(thread);
  find("thread").hidden = !thread;
  if (!thread) return;
  const inbox = page.overview.inboxes.find((one) => one.id === thread.inbox_id);
  setText(find("subject"), thread.subject || "(no subject)");
  find("subject").title = thread.subject;
  const count = `${thread.messages} ${thread.messages === 1 ? "mail" : "mails"}`;
  setText(find("subject-line"), `${person(thread.person).name} and ${inbox?.address ?? "a deleted inbox"} · ${count}`);
  const mark = `${thread.id} ${thread.at} ${thread.messages} ${page.overview.counts.relay_attempts} ${page.overview.counts.complaints} ${latest}`;
  if (shown.mark !== mark) read(page, thread.id, mark);
  else draw(page);
}

async function read(page, id, mark) {
  if (wanted === mark) return;
  wanted = mark;
  try {
    const thread = await call("GET", `/sandbox/threads/${segment(id)}?latest=${latest}`);
    if (wanted !== mark) return;
    const grew = shown.messages.length && thread.messages.at(-1)?.id !== shown.messages.at(-1)?.id;
    const first = !shown.messages.length;
    shown = { id, mark, messages: thread.messages };
    find("earlier").hidden = thread.earlier === 0;
    setText(find("earlier"), `Show earlier mails (${thread.earlier})`);
    find("earlier").onclick = () => {
      latest += AT_ONCE;
      showConversation(page);
    };
    draw(page);
    if (grew || first) find("letters").lastElementChild?.scrollIntoView({ block: "nearest" });
  } catch (error) {
    wanted = null;
    notify(error.message, true);
  }
}

function draw(page) {
  const events = new Map(page.overview.events.map((event) => [event.message_id, event]));
  reconcile(find("letters"), shown.messages, (message) => message.id, letter, (element, message) => {
    const fate = element.querySelector(".fate");
    const text = fateOf(message, events.get(message.id));
    setText(fate, text.text);
    fate.dataset.state = text.state;
  });
}

function letter(message) {
  const who = person(message.from);
  const outbound = message.direction === "outbound";
  const head = h(
    "header",
    {},
    h("span", { class: "seal", "aria-hidden": "true" }, outbound ? "" : initials(who.name)),
    h("span", { class: "who", title: message.from }, h("b", {}, outbound ? "The agent" : who.name), " ", h("span", { class: "address" }, who.name === who.address && !outbound ? "" : who.address)),
    h("time", { dateTime: message.at, title: `${day(message.at)} ${exactTime(message.at)} UTC` }, time(message.at)),
    h("p", { class: "to" }, `to ${message.to}${message.cc.length ? `, cc ${message.cc.join(", ")}` : ""}`),
  );
  const foot = h("footer", {}, h("span", { class: "fate" }), ...labels(message), ...(outbound ? verdicts(message) : []), outbound ? emlLink(message) : null);
  return h("li", { class: `letter ${message.direction}` }, h("article", {}, head, body(message), files(message), foot));
}

function body(message) {
  const [written, quoted] = splitQuote(message.text);
  const text = h("div", { class: "text" }, written.trim());
  const quote = quoted ? h("details", { class: "quoted" }, h("summary", {}, "Quoted text"), h("div", { class: "text" }, quoted.trim())) : null;
  if (!message.has_html) return h("div", { class: "body" }, written.trim() ? text : h("p", { class: "blank" }, "(empty)"), quote);
  const plain = message.text.trim() ? h("details", { class: "quoted" }, h("summary", {}, "Plain text"), h("div", { class: "text" }, message.text.trim())) : null;
  return h("div", { class: "body" }, frame(message), plain);
}

/** HTML mail, without scripts, forms and remote pictures: the frame and its policy see to it. */
function frame(message) {
  const element = h("iframe", { class: "html", title: "The mail as HTML", loading: "lazy" });
  element.setAttribute("sandbox", "allow-same-origin");
  element.addEventListener("load", () => {
    const height = element.contentDocument?.documentElement?.offsetHeight;
    if (height) keepEnd(() => element.style.setProperty("--height", `${Math.min(height + 4, 900)}px`));
  });
  element.src = `/sandbox/messages/${segment(message.id)}/html`;
  return element;
}

/** Mails above that get their height late do not push the latest out of sight. */
function keepEnd(change) {
  const column = find("conversation");
  const wasAtEnd = column.scrollTop > 0 && column.scrollHeight - column.scrollTop - column.clientHeight < 24;
  change();
  if (wasAtEnd) find("letters").lastElementChild?.scrollIntoView({ block: "nearest" });
}

function files(message) {
  if (!message.files.length) return null;
  const items = message.files.map((file, at) => {
    const path = `/sandbox/messages/${segment(message.id)}/files/${at}`;
    const link = h("a", { href: path, download: file.name }, file.name);
    const head = h("span", { class: "file-head" }, link, h("span", {}, bytes(file.size)));
    return h("li", {}, head, file.has_text ? fileText(file, path) : h("span", { class: "no-text" }, NO_TEXT[file.method] ?? "no text"));
  });
  return h("ul", { class: "files", "aria-label": "Attachments" }, ...items);
}

const NO_TEXT = { unsupported: "no text for the agent", pdf_error: "unreadable for the agent", skipped_too_large: "too large to be read for the agent" };

/** What the agent gets to read of a file, fetched when somebody wants to see it. */
function fileText(file, path) {
  const text = h("div", { class: "text" });
  const details = h("details", { class: "file-text" }, h("summary", {}, `Text for the agent (${file.method})`), text);
  details.addEventListener("toggle", async () => {
    if (!details.open || text.textContent) return;
    try {
      text.textContent = (await call("GET", `${path}/text`)).text;
    } catch (error) {
      notify(error.message, true);
    }
  });
  return details;
}

function labels(message) {
  const said = [message.category !== "personal" && message.category, message.verdict !== "clean" && message.verdict];
  return said.filter(Boolean).map((text) => h("span", { class: "chip" }, text));
}

/** What the people outside and their servers can say to a mail. */
function verdicts(message) {
  const verdict = (what, text, done) => h("button", { type: "button", class: "small plain", onclick: () => act("POST", `/sandbox/mail/${segment(message.id)}/${what}`, undefined, done) }, text);
  return [verdict("bounce", "Bounce", "It bounced: the recipient is suppressed."), verdict("complain", "Report spam", "Reported: the recipient is suppressed.")];
}

function emlLink(message) {
  return h("a", { class: "eml", href: `/sandbox/mail/${segment(message.id)}.eml`, download: `${message.id}.eml` }, "Download .eml");
}

/** What became of a mail, in words. */
function fateOf(message, event) {
  if (message.direction === "outbound") return fateOutside(message);
  if (!event) return { text: "", state: "" };
  const last = event.deliveries.at(-1);
  if (last?.delivered) {
    const way = { socket: "over WebSocket", replay: "in a replay", webhook: `to the webhook, attempt ${last.attempt}` }[last.transport];
    return { text: `Reached the agent ${way}, after ${duration(last.latency_ms)}`, state: "delivered" };
  }
  const states = {
    held: ["Held back by a fault", "waiting"],
    lost: ["Lost by a fault", "failed"],
    socket: ["On its way to the socket", "waiting"],
    pending: [last ? `The webhook answered: ${last.outcome}. It will be tried again` : "On its way to the webhook", "waiting"],
    failed: ["Reached nobody: no agent was listening", "failed"],
  };
  const [text, state] = states[event.state] ?? ["", ""];
  return { text, state };
}

/** What the relay made of it. */
function fateOutside(message) {
  const last = message.relay_attempts?.at(-1);
  if (message.complained) return { text: "Reported as spam", state: "failed" };
  if (message.bounced && message.relayed !== false) return { text: "Bounced", state: "failed" };
  if (message.relayed) return { text: `Relayed${last.attempt > 1 ? `, at attempt ${last.attempt}` : ""}`, state: "delivered" };
  if (!last) return { text: "", state: "" };
  const why = last.status ? `said ${last.status}` : "cannot be reached";
  if (message.relayed === false) return { text: `Bounced: the relay ${why}`, state: "failed" };
  return { text: last.next ? `The relay ${why}. Attempt ${last.attempt + 1} at ${exactTime(last.next)}` : `The relay ${why}`, state: "waiting" };
}

function splitQuote(text) {
  const at = text.search(/\n+On [^\n]+ wrote:\n>/);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at)];
}

function initials(name) {
  const words = name.split(/[\s.@_-]+/).filter(Boolean);
  return words.slice(0, 2).map((word) => [...word][0].toUpperCase()).join("");
}
