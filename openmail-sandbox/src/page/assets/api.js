import { notify } from "./dom.js";

/** Calls the sandbox. Refusals are thrown with what they say. */
export async function call(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: body === undefined ? {} : { "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  }).catch(() => {
    throw new Error("The sandbox does not answer.");
  });
  const text = await response.text();
  let answer = null;
  try {
    answer = text ? JSON.parse(text) : null;
  } catch {
    answer = { message: text };
  }
  if (!response.ok) throw new Error(answer?.message ?? `The sandbox answered ${response.status}.`);
  return answer;
}

/** Calls the sandbox, and says that it did or why it did not. */
export async function act(method, path, body, done) {
  try {
    const answer = await call(method, path, body);
    notify(done);
    return answer ?? {};
  } catch (error) {
    notify(error.message, true);
    return null;
  }
}

export const segment = encodeURIComponent;

/** Hands every overview to `show`, and says whether the sandbox is there. */
export function watch(show, lost) {
  const stream = new EventSource("/sandbox/stream");
  stream.onmessage = (message) => show(JSON.parse(message.data));
  stream.onerror = () => lost();
}
