import { act, segment } from "./api.js";
import { exactTime, find, h, person, reconcile, setText } from "./dom.js";

const keys = h("div", { class: "rows" });
const newKey = h("output", { class: "new-key" });
const rules = h("ul", { class: "rules", "aria-label": "Sender rules" });
const dropped = h("ul", { class: "dropped", "aria-label": "Mail that was kept out" });
const droppedHead = h("h4", {}, "Kept out");
const allowlist = h("input", { type: "checkbox", id: "allowlist" });
allowlist.addEventListener("change", () => {
  const mode = allowlist.checked ? "allowlist" : "none";
  act("POST", "/sandbox/senders/filter", { mode }, allowlist.checked ? "Only those who are allowed may write." : "Everybody may write who is not blocked.");
});

const newRule = h(
  "form",
  { class: "new-rule", autocomplete: "off" },
  h("label", { for: "rule-sender", class: "hidden" }, "Address or domain"),
  h("input", { id: "rule-sender", name: "sender", placeholder: "address or domain", required: true }),
  h("button", { type: "submit", value: "block", class: "small" }, "Block"),
  h("button", { type: "submit", value: "allow", class: "small" }, "Allow"),
);
newRule.addEventListener("submit", async (event) => {
  event.preventDefault();
  const kind = event.submitter?.value ?? "block";
  const sender = newRule.elements.sender.value;
  if (await act("POST", "/sandbox/senders", { kind, sender }, kind === "block" ? `Mail from ${sender} is dropped.` : `${sender} is on the allowlist.`)) newRule.reset();
});

const allowance = h("p", {});
find("account").append(
  h("section", { class: "group" }, h("h3", {}, "New people"), allowance),
  h("section", { class: "group" }, h("h3", {}, "Sender rules"), h("p", {}, "Mail that a rule keeps out vanishes: no message, no event, and the sender is not told."), newRule, rules, h("label", { class: "check" }, allowlist, " only those who are allowed may write"), droppedHead, dropped),
  h("section", { class: "group" }, h("h3", {}, "API keys"), h("p", {}, "A revoked key closes its sockets with 4001 and is refused with 401."), keys, h("button", { type: "button", class: "small", onclick: makeKey }, "New account key"), newKey),
);

async function makeKey() {
  const key = await act("POST", "/sandbox/keys", {}, "A new key.");
  if (key) newKey.textContent = key.token;
}

export function showAccount(overview) {
  const { plan, cold } = overview.account;
  setText(allowance, `On the plan ${plan}, the account has written to ${cold.used} ${cold.limit === null ? "" : `of ${cold.limit} `}new people today.`);
  showRules(overview.senders);
  showKeys(overview.keys);
}

function showRules(senders) {
  allowlist.checked = senders.allowlist;
  reconcile(rules, senders.rules, (rule) => `${rule.kind} ${rule.sender}`, (rule) => {
    const remove = h("button", { type: "button", class: "small", "aria-label": `Remove the rules for ${rule.sender}`, onclick: () => act("DELETE", `/sandbox/senders/${segment(rule.sender)}`, undefined, "Removed.") }, "Remove");
    return h("li", { class: rule.kind }, h("span", {}, h("b", {}, rule.kind === "block" ? "Block" : "Allow"), ` ${rule.sender}`), remove);
  });
  droppedHead.hidden = senders.dropped.length === 0;
  reconcile(dropped, senders.dropped, (mail) => `${mail.at} ${mail.inbox_id} ${mail.from} ${mail.subject}`, (mail) => {
    const why = mail.blocked ? "blocked" : "not on the allowlist";
    return h("li", {}, h("span", {}, h("b", {}, person(mail.from).address), ` ${mail.subject ?? ""}`), h("span", { class: "why" }, `${why} · ${exactTime(mail.at)}`));
  });
}

function showKeys(list) {
  reconcile(keys, list, (key) => key.id, (key) => {
    const revoke = h("button", { type: "button", class: "small danger", onclick: () => act("DELETE", `/sandbox/keys/${segment(key.id)}`, undefined, "Revoked.") }, "Revoke");
    return h("div", { class: "row" }, h("div", {}, h("b", {}), h("p", {}, key.reach)), revoke);
  }, (row, key) => setText(row.querySelector("b"), key.name ?? key.id));
}
