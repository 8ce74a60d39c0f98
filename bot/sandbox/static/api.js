/** The calls to the sandbox, and its one live stream. */

const ROOT = "/sandbox";

/** POST a JSON body; throws an Error whose text is for people. */
export async function post(path, body) {
  let answer;
  try {
    answer = await fetch(`${ROOT}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Error("The sandbox cannot be reached. Is `bot dev` still running?");
  }
  const data = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(data.message ?? `The sandbox answered ${answer.status}.`);
  return data;
}

/**
 * POST a file with what is said about it. `done` resolves, or rejects as `post` does; `onProgress`
 * gets how much is through, from 0 to 1.
 */
export function upload(about, file, onProgress) {
  const given = Object.entries(about).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const call = new XMLHttpRequest();
  call.responseType = "json";
  call.open("POST", `${ROOT}/upload?${new URLSearchParams(given)}`);
  call.upload.addEventListener("progress", ({ loaded, total }) => onProgress(total ? loaded / total : 0));
  const done = new Promise((resolve, reject) => {
    call.addEventListener("load", () => {
      if (call.status === 201) resolve(call.response);
      else reject(new Error(call.response?.message ?? `The sandbox answered ${call.status}.`));
    });
    call.addEventListener("error", () => reject(new Error("The file did not get through to the sandbox.")));
    call.addEventListener("abort", () => reject(new Error("Stopped.")));
  });
  call.send(file);
  return { done, abort: () => call.abort() };
}

/**
 * Listen to the live updates. `on` has a function for each kind of update, and `connection`, which
 * gets "open", "lost" or "locked".
 */
export function listen(kinds, on, connection) {
  const source = new EventSource(`${ROOT}/events`);
  for (const kind of kinds) {
    source.addEventListener(kind, (event) => on(kind, JSON.parse(event.data)));
  }
  source.addEventListener("moved", () => {
    source.close();
    connection("moved");
  });
  source.addEventListener("open", () => connection("open"));
  source.addEventListener("error", () => {
    connection(source.readyState === EventSource.CLOSED ? "locked" : "lost");
  });
}
