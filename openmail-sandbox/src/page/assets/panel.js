import { showAccount } from "./account.js";
import { act, segment } from "./api.js";
import { duration, exactTime, find, h, person, reconcile, setText } from "./dom.js";

const WAYS = { socket: "socket", replay: "replay", webhook: "webhook" };
const STATES = { held: "held", lost: "lost", pending: "on its way", failed: "nobody", socket: "on its way", webhook: "webhook" };

/** What can go wrong, in the order in which it happens to people. */
const FAULTS = [
  [
    "The socket",
    [
      ["Drop it now", "Cuts every open socket, without a close frame.", { now: "/sandbox/sockets/drop" }],
      ["Close it with a code", "Closes every open socket.", { now: "/sandbox/sockets/close", choose: ["code", [1001, 4001, 4003, 4008, 4029]] }],
      ["Deaf socket", "The next subscribe is neither confirmed nor refused.", { kind: "deaf_socket" }],
      ["Refuse the cursor", "The next replay is refused with an error frame.", { kind: "refuse_cursor" }],
      ["Freeze sockets", "They stay open, and nothing moves.", { kind: "freeze_sockets", lasting: true }],
      ["Refuse the upgrade", "No socket can be opened.", { kind: "refuse_upgrade", choose: ["status", [503, 429, 401, 403]] }],
    ],
  ],
  [
    "Events",
    [
      ["Duplicate", "The next event arrives twice.", { kind: "duplicate_event" }],
      ["Reorder", "The next event waits until another has overtaken it.", { kind: "swap_events" }],
      ["Delay", "Events wait until this is lifted.", { kind: "hold_event", lasting: true }],
      ["Lose", "The next event reaches nobody.", { kind: "lose_event" }],
      ["Lagging row", "The next mail can be read over REST a few reads later.", { kind: "lag_row", with: { reads: 3 } }],
    ],
  ],
  [
    "Sends",
    [
      ["429", "The next send is told to wait for 20 s.", { kind: "send_limited", with: { retry_after: 20 } }],
      ["5xx", "The next send fails.", { kind: "send_refused", with: { code: "provider_error" }, choose: ["status", [500, 502, 503]] }],
      ["A proxy's page", "The next send is answered in HTML.", { kind: "proxy_error", with: { status: 502 } }],
      ["Lost answer", "The next send is obeyed, and its answer lost.", { kind: "lose_answer" }],
      ["Slow answer", "The next send is answered 30 s late.", { kind: "slow_answer", with: { seconds: 30 } }],
      ["Mail refused", "The next recipient over SMTP is.", { kind: "refuse_mail", choose: ["status", [451, 452, 550, 554]] }],
      ["Outage", "Every request is cut off.", { kind: "outage", lasting: true }],
    ],
  ],
];

export function showPanel(page, choose) {
  const { overview } = page;
  find("no-events").hidden = overview.events.length > 0;
  reconcile(find("event-list"), overview.events, (event) => event.id, (event) => eventItem(event, choose), (item, event) => updateEvent(item, event, overview));
  showFaults(overview);
  showSuspensions(overview);
  showAccount(overview);
}

function eventItem(event, choose) {
  const kind = h("button", { type: "button", class: "event-kind", disabled: !event.thread_id, onclick: () => choose.chooseThread(event.thread_id) }, event.kind);
  return h("li", {}, h("div", { class: "event-head" }, kind, h("time", { dateTime: event.at }, exactTime(event.at))), h("p", { class: "event-about" }), h("ul", { class: "deliveries" }));
}

function updateEvent(item, event, overview) {
  const inbox = overview.inboxes.find((one) => one.id === event.inbox_id);
  const thread = overview.threads.find((one) => one.id === event.thread_id);
  const about = [thread && person(thread.person).name, inbox && inbox.address.split("@")[0]].filter(Boolean).join(" → ");
  setText(item.querySelector(".event-about"), about);
  const rows = event.deliveries.map((one, at) => ({ ...one, at }));
  const waits = ["held", "lost", "pending", "failed"].includes(event.state) || !rows.length;
  if (waits) rows.push({ at: "state", state: event.state });
  reconcile(item.querySelector(".deliveries"), rows, (row) => row.at, () => h("li", {}), (row, one) => {
    const way = one.state ? STATES[one.state] : WAYS[one.transport];
    const facts = one.state ? "" : [`attempt ${one.attempt}`, duration(one.latency_ms), one.outcome].filter(Boolean).join(" · ");
    row.className = one.state ? `way ${one.state}` : `way ${one.delivered ? "delivered" : "failed"}`;
    if (row.dataset.said !== way + facts) row.replaceChildren(h("b", {}, way), ` ${facts}`);
    row.dataset.said = way + facts;
  });
}

const times = h("select", { id: "times" }, ...[["1", "once"], ["3", "three times"], ["", "until lifted"]].map(([value, text]) => h("option", { value }, text)));
const ordered = h("ul", { class: "ordered", "aria-label": "Ordered faults" });
const liftAll = h("button", { type: "button", class: "small", onclick: () => act("DELETE", "/sandbox/faults", undefined, "Everything works again.") }, "Lift all");
find("faults").append(
  h("div", { class: "standing" }, h("div", { class: "standing-head" }, h("h3", {}, "In force"), liftAll), ordered, h("p", { class: "empty", id: "no-faults" }, "Nothing is wrong.")),
  h("p", { class: "times" }, h("label", { for: "times" }, "A fault strikes"), " ", times),
  ...FAULTS.map(([title, faults]) => h("section", { class: "group" }, h("h3", {}, title), ...faults.map(faultRow))),
);
const suspensions = h("div", { class: "rows" });
find("faults").append(h("section", { class: "group" }, h("h3", {}, "Inboxes"), suspensions));

function faultRow([name, what, order]) {
  const choice = order.choose && h("select", { "aria-label": `${name}: ${order.choose[0]}` }, ...order.choose[1].map((value) => h("option", { value }, String(value))));
  const id = `fault-${(order.kind ?? name).toLowerCase().replace(/\W+/g, "-").replaceAll("_", "-")}`;
  const button = h("button", { type: "button", id, class: "small", onclick: () => place(name, order, choice) }, order.now ? "Do it" : "Order");
  button.setAttribute("aria-label", `${order.now ? "Do" : "Order"}: ${name}`);
  return h("div", { class: "row" }, h("div", {}, h("b", {}, name), h("p", {}, what)), choice ?? null, button);
}

function place(name, order, choice) {
  const chosen = choice ? { [order.choose[0]]: Number(choice.value) } : {};
  if (order.now) return act("POST", order.now, choice ? chosen : undefined, `${name}: done.`);
  const often = order.lasting || times.value === "" ? null : Number(times.value);
  return act("POST", "/sandbox/faults", { fault: { kind: order.kind, ...order.with, ...chosen }, times: often }, `${name}: ordered.`);
}

function showFaults(overview) {
  const count = overview.faults.length;
  find("no-faults").hidden = count > 0;
  liftAll.hidden = count === 0;
  setText(find("tab-faults"), count ? `Faults (${count})` : "Faults");
  reconcile(ordered, overview.faults, (fault) => fault.id, faultItem, (item, fault) => {
    setText(item.querySelector("span"), `${fault.text} ${fault.left === null ? "(until lifted)" : fault.left > 1 ? `(${fault.left} times)` : ""}`);
  });
}

function faultItem(fault) {
  const lift = h("button", { type: "button", class: "small", onclick: () => act("DELETE", `/sandbox/faults/${fault.id}`, undefined, "Lifted.") }, "Lift");
  return h("li", {}, h("span", {}), lift);
}

function showSuspensions(overview) {
  reconcile(suspensions, overview.inboxes, (inbox) => inbox.id, (inbox) => {
    const reason = h("select", { "aria-label": "Reason" }, ...["high_bounce_rate", "high_complaint_rate", "abuse", "pod_degraded", "manual_review", "other"].map((value) => h("option", { value }, value.replaceAll("_", " "))));
    const button = h("button", { type: "button", class: "small" });
    button.onclick = () => {
      const suspended = button.dataset.suspended === "true";
      const path = `/sandbox/inboxes/${segment(inbox.id)}/${suspended ? "reactivate" : "suspend"}`;
      act("POST", path, suspended ? undefined : { reason: reason.value }, suspended ? "It may send again." : "It may not send.");
    };
    return h("div", { class: "row" }, h("div", {}, h("b", {}, inbox.address.split("@")[0]), h("p", {})), reason, button);
  }, (row, inbox) => {
    const button = row.querySelector("button");
    button.dataset.suspended = String(Boolean(inbox.suspended));
    setText(button, inbox.suspended ? "Reactivate" : "Suspend");
    row.querySelector("select").hidden = Boolean(inbox.suspended);
    setText(row.querySelector("p"), inbox.suspended ? `Suspended: ${inbox.suspended.replaceAll("_", " ")}.` : "May send.");
  });
}

const step = (text, body) => h("button", { type: "button", onclick: () => act("POST", "/sandbox/clock", body, "The clock has moved.") }, text);
find("time").append(
  h("section", { class: "group" }, h("h3", {}, "Move the clock"), h("p", {}, "Limits recover, retries fall due, keys and addresses expire. There is no way back."), h("div", { class: "steps" }, step("A minute", { seconds: 60 }), step("An hour", { seconds: 3600 }), step("To midnight UTC", { midnight: {} }))),
);

const tabs = [...document.querySelectorAll("[role=tab]")];

function turnTo(tab) {
  for (const one of tabs) {
    one.setAttribute("aria-selected", String(one === tab));
    one.tabIndex = one === tab ? 0 : -1;
    find(one.getAttribute("aria-controls")).hidden = one !== tab;
  }
}

for (const [at, tab] of tabs.entries()) {
  tab.addEventListener("click", () => turnTo(tab));
  tab.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const next = tabs[(at + by + tabs.length) % tabs.length];
    turnTo(next);
    next.focus();
  });
}
