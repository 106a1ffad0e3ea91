/** An element with properties, attributes (`aria-…`, `data-…`, `role`), listeners (`onclick`) and children. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.includes("-") || name === "role" || name === "for" || name === "list") element.setAttribute(name, value);
    else element[name === "class" ? "className" : name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const find = (id) => document.getElementById(id);

/** Shows items in their order. Elements live as long as their items, so focus and scrolling stay. */
export function reconcile(parent, items, keyOf, make, update) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    let element = known.get(key);
    if (element) known.delete(key);
    else {
      element = make(item);
      element.dataset.key = key;
    }
    update?.(element, item);
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
  }
  for (const gone of known.values()) gone.remove();
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Name and address of `Name <address>`. */
export function person(written) {
  const match = /^\s*(.*?)\s*<([^>]*)>\s*$/.exec(written ?? "");
  if (!match) return { name: written ?? "", address: written ?? "" };
  return { name: match[1].replace(/^"(.*)"$/, "$1").replace(/\\(.)/g, "$1") || match[2], address: match[2] };
}

/** A thread that the overview has, or that was looked up. */
export const threadOf = ({ overview, others }, id) => overview.threads.find((thread) => thread.id === id) ?? others.get(id);

export const time = (iso) => iso.slice(11, 16);
export const exactTime = (iso) => iso.slice(11, 19);
export const day = (iso) => iso.slice(0, 10);

export function duration(milliseconds) {
  if (milliseconds < 1000) return `${milliseconds} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  if (milliseconds < 3_600_000) return `${Math.round(milliseconds / 60_000)} min`;
  return `${(milliseconds / 3_600_000).toFixed(1)} h`;
}

export function bytes(size) {
  if (size < 1024) return `${size} B`;
  return size < 1_048_576 ? `${Math.round(size / 1024)} KB` : `${(size / 1_048_576).toFixed(1)} MB`;
}

let fading;

/** Says briefly what was done, or what went wrong. */
export function notify(text, wrong = false) {
  const notice = find("notice");
  notice.textContent = text;
  notice.classList.toggle("wrong", wrong);
  notice.hidden = false;
  clearTimeout(fading);
  fading = setTimeout(() => (notice.hidden = true), wrong ? 8000 : 3000);
}
