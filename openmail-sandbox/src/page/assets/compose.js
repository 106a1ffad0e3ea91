import { call } from "./api.js";
import { find, h, notify, person, reconcile, threadOf } from "./dom.js";

const ME = "openmail-sandbox-writer";
const FILES_AT_MOST = 20 * 1024 * 1024;

function writer() {
  try {
    return localStorage.getItem(ME) || "Ada Lovelace <ada@example.com>";
  } catch {
    return "Ada Lovelace <ada@example.com>";
  }
}

function remember(name) {
  try {
    localStorage.setItem(ME, name);
  } catch {
    // Without storage the next mail starts with the default.
  }
}

function field(name, label, control) {
  control.id = `mail-${name}`;
  control.name = name;
  return h("div", { class: `field field-${name}` }, h("label", { for: control.id }, label), control);
}

/** A button that opens the file chooser, and the names of what was chosen. */
function attach() {
  const names = h("span", { class: "file-names" });
  const input = h("input", { type: "file", name: "files", multiple: true, class: "hidden" });
  const say = () => (names.textContent = [...input.files].map((file) => file.name).join(", "));
  input.addEventListener("change", say);
  return h("div", { class: "attach" }, h("label", { class: "file-button" }, "Attach files", input), names);
}

function forgetFiles(form) {
  form.elements.files.value = "";
  form.querySelector(".file-names").textContent = "";
}

const newMail = find("new-mail");
const kinds = [
  ["", "not classified"],
  ["personal", "personal"],
  ["automated", "automated"],
  ["marketing", "marketing"],
  ["bounce", "bounce"],
  ["spam", "spam"],
  ["malicious", "malicious"],
];
newMail.append(
  field("from", "From", h("input", { list: "people", required: true, autocomplete: "off" })),
  field("to", "To", h("select", { required: true })),
  field("cc", "Cc", h("input", { placeholder: "addresses, separated by commas" })),
  field("subject", "Subject", h("input", {})),
  h("div", { class: "field field-text" }, h("label", { for: "mail-text", class: "hidden" }, "Text"), h("textarea", { id: "mail-text", name: "text", rows: 9, placeholder: "Write…" })),
  h(
    "div",
    { class: "field-row" },
    attach(),
    h("label", { class: "check" }, h("input", { type: "checkbox", name: "html" }), " as HTML"),
    h("label", { class: "kind" }, "Class ", h("select", { name: "category" }, ...kinds.map(([value, text]) => h("option", { value }, text)))),
  ),
  h("div", { class: "actions" }, h("p", { class: "problem", role: "alert" }), h("button", { type: "submit", class: "primary" }, "Send")),
);

let sentTo = () => {};

export function openComposer(page, chooseThread) {
  if (find("composer").open) return;
  sentTo = chooseThread;
  newMail.elements.from.value = writer();
  fillComposer(page);
  if (page.inbox) newMail.elements.to.value = page.overview.inboxes.find((inbox) => inbox.id === page.inbox)?.address;
  find("composer").showModal();
  newMail.elements.subject.focus();
}

/** Keeps the inboxes and the people that can be chosen up to date. */
export function fillComposer({ overview }) {
  const option = ({ address }) => h("option", { value: address }, address);
  reconcile(newMail.elements.to, overview.inboxes, (inbox) => inbox.id, option);
  const people = [...new Set([writer(), ...overview.threads.map((thread) => thread.person)])].slice(0, 20);
  reconcile(find("people"), people, (one) => one, (one) => h("option", { value: one }));
}

newMail.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { from, to, cc, subject, text, files, html, category } = newMail.elements;
  const verdict = ["spam", "malicious"].includes(category.value) ? category.value : "clean";
  const classes = category.value ? { category: category.value, auto_replyable: category.value === "personal", verdict } : {};
  const copied = cc.value.split(",").map((address) => address.trim()).filter(Boolean);
  const sent = await send(newMail, {
    from: from.value,
    to: to.value,
    cc: copied,
    subject: subject.value,
    [html.checked ? "html" : "text"]: text.value,
    attachments: await encoded(files),
    ...classes,
  });
  if (!sent) return;
  remember(from.value);
  newMail.reset();
  forgetFiles(newMail);
  find("composer").close();
  if (sent.delivered.length) sentTo(sent.delivered[0].thread_id);
});

find("composer-close").addEventListener("click", () => find("composer").close());

const reply = find("reply");
reply.append(
  h("div", { class: "reply-head" }, h("label", { for: "reply-from" }, "Answer as"), h("input", { id: "reply-from", name: "from", list: "people", required: true })),
  h("label", { for: "reply-text", class: "hidden" }, "Answer"),
  h("textarea", { id: "reply-text", name: "text", rows: 2, required: true, placeholder: "Write back…" }),
  h(
    "div",
    { class: "actions" },
    attach(),
    h("p", { class: "problem", role: "alert" }),
    h("span", { class: "hint" }, "Ctrl + Enter"),
    h("button", { type: "submit", class: "primary" }, "Send"),
  ),
);

/** Makes the form below a conversation write in it, as the person of that conversation. */
export function replyForm(page) {
  const thread = page.thread && threadOf(page, page.thread);
  const inbox = page.overview.inboxes.find((one) => one.id === thread?.inbox_id);
  reply.reset();
  forgetFiles(reply);
  reply.querySelector(".problem").textContent = "";
  reply.elements.from.value = thread?.person ?? writer();
  reply.elements.text.setAttribute("aria-label", `Answer to ${inbox?.address ?? "the inbox"}`);
  reply.elements.text.placeholder = `Write back as ${person(thread?.person).name}…`;
  reply.onsubmit = async (event) => {
    event.preventDefault();
    const { from, text, files } = reply.elements;
    const attachments = await encoded(files);
    const mail = { from: from.value, to: inbox?.address ?? "", thread_id: thread.id, text: text.value, attachments };
    if (await send(reply, mail)) {
      text.value = "";
      forgetFiles(reply);
    }
  };
}

for (const form of [newMail, reply]) {
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
}

async function send(form, mail) {
  const problem = form.querySelector(".problem");
  const button = form.querySelector("button[type=submit]");
  problem.textContent = "";
  button.disabled = true;
  try {
    const answer = await call("POST", "/sandbox/mail", mail);
    notify(answer.dropped ? "Dropped: a sender rule keeps it out." : "Sent.");
    return answer;
  } catch (error) {
    problem.textContent = error.message;
    return null;
  } finally {
    button.disabled = false;
  }
}

async function encoded(input) {
  const files = [...input.files];
  if (files.reduce((size, file) => size + file.size, 0) > FILES_AT_MOST) {
    notify("Attachments may have 20 MB together.", true);
    return [];
  }
  return Promise.all(
    files.map(async (file) => ({
      filename: file.name,
      content_type: file.type || "application/octet-stream",
      content: await base64(file),
    })),
  );
}

function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}
