import { call, segment, watch } from "./api.js";
import { fillComposer, openComposer } from "./compose.js";
import { open, showConversation } from "./conversation.js";
import { find, setText, threadOf } from "./dom.js";
import { showGauges, showLists } from "./lists.js";
import { showPanel } from "./panel.js";

/** What the page shows: the overview, and what is chosen in it. */
let awaited = location.hash.slice(1);
const page = { overview: null, inbox: null, thread: null, ahead: 0, found: null, others: new Map() };

function now() {
  return Date.now() + page.ahead;
}

function show(overview) {
  page.overview = overview;
  page.ahead = Date.parse(overview.now) - Date.now();
  if (!overview.inboxes.some((inbox) => inbox.id === page.inbox)) page.inbox = null;
  if (awaited && !threadOf(page, awaited)) lookUp(awaited);
  if (awaited && threadOf(page, awaited)) {
    const id = awaited;
    awaited = "";
    turnTo(id);
  } else {
    redraw();
  }
}

function redraw() {
  if (!page.overview) return;
  showAgent(page.overview);
  showLists(page, { chooseInbox, chooseThread });
  showConversation(page);
  showPanel(page, { chooseThread });
  fillComposer(page);
  tick();
}

function chooseInbox(id) {
  page.inbox = id;
  redraw();
}

function chooseThread(id) {
  if (location.hash === `#${id}`) turnTo(id);
  else location.hash = id;
}

/** The thread is in the address, so that it can be shared, and left with the browser's own way back. */
function turnTo(id) {
  page.thread = id;
  view(id ? "conversation" : "lists");
  if (!page.overview) return;
  open(page);
  redraw();
}

addEventListener("hashchange", () => {
  const id = location.hash.slice(1);
  if (id === "" || (page.overview && threadOf(page, id))) return turnTo(id || null);
  awaited = id;
  if (page.overview) lookUp(id);
});

/** Gets a thread that is too old for the overview. One that there is not may still come. */
async function lookUp(id) {
  try {
    const { row } = await call("GET", `/sandbox/threads/${segment(id)}?latest=1`);
    page.others.set(id, row);
    if (awaited !== id) return;
    awaited = "";
    turnTo(id);
  } catch {
    // Its address is kept, and tried when the next overview comes.
  }
}

function search() {
  view("lists");
  find("search").focus();
}

let asked = 0;
find("search").addEventListener("input", async (event) => {
  const words = event.currentTarget.value.trim();
  const question = ++asked;
  if (!words) {
    page.found = null;
    return redraw();
  }
  await new Promise((resolve) => setTimeout(resolve, 150));
  if (question !== asked) return;
  const { threads } = await call("GET", `/sandbox/threads?q=${segment(words)}`);
  if (question !== asked) return;
  page.found = threads;
  for (const thread of threads) page.others.set(thread.id, thread);
  redraw();
});

function showAgent({ sockets, webhook }) {
  const count = sockets.subscribed;
  const text = count
    ? `${count === 1 ? "An agent listens" : `${count} agents listen`} over WebSocket`
    : sockets.open
      ? "A socket is open, but not subscribed"
      : webhook
        ? "Events go to the webhook"
        : "No agent is connected";
  find("agent").dataset.state = count ? "live" : sockets.open ? "deaf" : webhook ? "webhook" : "none";
  setText(find("agent"), text);
}

function tick() {
  if (!page.overview) return;
  const iso = new Date(now()).toISOString();
  setText(find("now"), iso.slice(11, 19));
  find("now").dateTime = iso;
  find("now").title = iso.slice(0, 10);
  showGauges(page.overview, now());
}

function view(name) {
  document.body.dataset.view = name;
  for (const button of document.querySelectorAll(".views button")) {
    button.setAttribute("aria-pressed", String(button.dataset.to === name));
  }
}

for (const button of document.querySelectorAll(".views button")) {
  button.addEventListener("click", () => view(button.dataset.to));
}
find("write").addEventListener("click", () => openComposer(page, chooseThread));
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, dialog");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const shortcuts = { c: () => openComposer(page, chooseThread), "/": search };
  if (!shortcuts[event.key]) return;
  event.preventDefault();
  shortcuts[event.key]();
});

view("lists");
setInterval(tick, 1000);
watch(show, () => {
  find("agent").dataset.state = "lost";
  setText(find("agent"), "The sandbox does not answer");
});
