// Talking to the server.
import { sentence } from "./elements.js";

const SECONDS_TO_RETRY = 2;
const SILENT = "'alkit label' is not responding; if it has stopped, start it again and open its new address.";

export const wait = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));

/** Return {ok, status, data}; status is 0 if the server does not answer at all. */
export async function ask(path, body) {
  const options = body && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  try {
    const response = await fetch(path, { ...options, cache: "no-store" });
    return { ok: response.ok, status: response.status, data: await response.json() };
  } catch {
    return { ok: false, status: 0, data: { error: SILENT } };
  }
}

/** Send something repeatedly until it is recorded or refused; say each time why it is not recorded yet. */
export async function send(path, body, failed) {
  let reply = await ask(path, body);
  while (!reply.ok && !(reply.status >= 400 && reply.status < 500)) {
    failed(`${sentence(reply.data.error)} The page keeps trying.`);
    await wait(SECONDS_TO_RETRY);
    reply = await ask(path, body);
  }
  return reply;
}
