/** Sends files, one after the other, and shows each as it goes. */
import { upload } from "./api.js";
import { addPending, dropPending, tellProgress } from "./store.js";

const running = new Map();
let queue = Promise.resolve();
const STOPPED = Symbol("stopped by the user");

/**
 * Show a file in the chat and send it when those before it are through. Resolves to null when it was
 * sent or stopped, else to an Error.
 */
export function sendFile(address, { file, kind, url, seconds = null }, caption, quoting) {
  const content = {
    id: `local-${crypto.randomUUID()}`,
    mime_type: file.type,
    size_bytes: file.size,
    filename: file.name ?? "",
    seconds,
    local: { url, blob: file },
  };
  const id = addPending(address, { kind, content, text: caption, quoted: quoting });
  const about = { customer: address, kind, caption, filename: file.name, quoted: quoting?.id, seconds };
  const sent = queue.then(() => send(address, id, about, file));
  queue = sent;
  running.set(id, null);
  return sent;
}

/** Stop an upload that has not ended, or not begun. */
export function cancel(id) {
  running.get(id)?.abort();
  running.set(id, STOPPED);
}

async function send(address, id, about, file) {
  try {
    if (running.get(id) === STOPPED) return drop(address, id);
    const call = upload(about, file, (share) => tellProgress(address, id, share));
    running.set(id, call);
    await call.done;
    return null;
  } catch (error) {
    const stopped = running.get(id) === STOPPED;
    drop(address, id);
    return stopped ? null : error;
  } finally {
    running.delete(id);
  }
}

function drop(address, id) {
  dropPending(address, id);
  return null;
}
