import { call } from "./api.js";
import { find, h, notify, person, reconcile, setText, time } from "./dom.js";

export function showLists(page, choose) {
  const { overview } = page;
  const all = overview.inboxes.length > 1 ? [{ id: "", address: "All inboxes", unread: 0 }] : [];
  reconcile(
    find("inboxes"),
    [...all, ...overview.inboxes],
    (inbox) => inbox.id,
    (inbox) => inboxItem(inbox, choose),
    (item, inbox) => updateInbox(item, inbox, (page.inbox ?? "") === inbox.id),
  );
  const threads = (page.found ?? overview.threads).filter((thread) => !page.inbox || thread.inbox_id === page.inbox);
  reconcile(
    find("threads"),
    threads,
    (thread) => thread.id,
    (thread) => threadItem(thread, choose),
    (item, thread) => updateThread(item, thread, page.thread === thread.id),
  );
  find("no-threads").hidden = threads.length > 0 || page.found !== null;
  find("not-found").hidden = threads.length > 0 || page.found === null;
  find("search").hidden = overview.threads.length === 0;
  setText(find("smtp"), `Write here, or from any mail program over SMTP at ${overview.smtp}.`);
}

/** Brings the gauges to this moment: the minute empties by itself. */
export function showGauges(overview, now) {
  for (const inbox of overview.inboxes) {
    const item = [...find("inboxes").children].find((child) => child.dataset.key === inbox.id);
    const minute = inbox.minute.free_at.filter((at) => Date.parse(at) > now).length;
    setGauge(item?.querySelector(".minute"), minute, inbox.minute.limit, "this minute");
    setGauge(item?.querySelector(".today"), inbox.day.used, inbox.day.limit, "today");
    setGauge(item?.querySelector(".new"), inbox.cold.used, inbox.cold.limit, "to new people today");
  }
}

function setGauge(gauge, used, limit, period) {
  if (!gauge) return;
  const bar = gauge.querySelector("[role=meter]");
  bar.setAttribute("aria-valuenow", used);
  bar.setAttribute("aria-valuemax", limit);
  bar.setAttribute("aria-label", `sends ${period}`);
  bar.style.setProperty("--used", limit ? Math.min(1, used / limit) : 1);
  bar.classList.toggle("full", used >= limit);
  setText(gauge.querySelector(".figures"), `${used} / ${limit}`);
}

function inboxItem(inbox, choose) {
  const gauges = inbox.id ? [h("div", { class: "gauges" }, gauge("minute", "min"), gauge("today", "day"), gauge("new", "new"))] : [];
  const head = h("span", { class: "inbox-head" }, h("span", { class: "inbox-name" }), h("span", { class: "count" }));
  const button = h("button", { type: "button", onclick: () => choose.chooseInbox(inbox.id || null) }, head, ...gauges);
  return h("li", {}, button);
}

const MEANINGS = { minute: "Sends this minute", today: "Sends this UTC day", new: "People written to for the first time this UTC day" };

function gauge(name, label) {
  const meter = h("span", { class: "meter", role: "meter", "aria-valuemin": "0" });
  return h("span", { class: `gauge ${name}`, title: MEANINGS[name] }, h("span", { class: "label" }, label), meter, h("span", { class: "figures" }));
}

function updateInbox(item, inbox, current) {
  const button = item.firstElementChild;
  button.setAttribute("aria-current", String(current));
  button.title = inbox.address;
  setText(item.querySelector(".inbox-name"), inbox.id ? inbox.address.split("@")[0] : inbox.address);
  const count = item.querySelector(".count");
  setText(count, inbox.suspended ? "suspended" : inbox.throttled ? "throttled" : inbox.unread ? String(inbox.unread) : "");
  count.classList.toggle("bad", Boolean(inbox.suspended || inbox.throttled));
  if (inbox.unread && !inbox.suspended) count.setAttribute("aria-label", `${inbox.unread} unread`);
}

function threadItem(thread, choose) {
  const head = h("span", { class: "thread-head" }, h("span", { class: "thread-person" }), h("time", {}));
  const subject = h("span", { class: "thread-subject" });
  const snippet = h("span", { class: "thread-snippet" });
  return h("li", {}, h("button", { type: "button", onclick: () => choose.chooseThread(thread.id) }, head, subject, snippet));
}

function updateThread(item, thread, current) {
  item.firstElementChild.setAttribute("aria-current", String(current));
  item.classList.toggle("unread", !thread.is_read);
  setText(item.querySelector(".thread-person"), person(thread.person).name);
  setText(item.querySelector("time"), time(thread.at));
  item.querySelector("time").dateTime = thread.at;
  setText(item.querySelector(".thread-subject"), thread.subject || "(no subject)");
  setText(item.querySelector(".thread-snippet"), `${thread.answered ? "↩ " : ""}${thread.snippet || "…"}`);
}

find("new-inbox").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  try {
    const made = await call("POST", "/sandbox/inboxes", { name: form.elements.name.value });
    notify(`${made.address} is ready.`);
    form.reset();
  } catch (error) {
    notify(error.message, true);
  }
});
