// The page's end of hash-worker.js.

const asked = new Map();
let worker;
let count = 0;

function answer(id, digest) {
  asked.get(id)?.(digest);
  asked.delete(id);
}

function started() {
  if (worker) return worker;
  worker = new Worker(new URL(HASH_WORKER, import.meta.url), { type: 'module' }); // the build gives its name
  worker.onmessage = ({ data }) => answer(data.id, data.sha256 ?? null);
  worker.onerror = () => {
    // Too old a browser for WebAssembly or module workers: files are sent without a digest of its own.
    worker = { postMessage: ({ id }) => answer(id, null) };
    for (const id of asked.keys()) answer(id, null);
  };
  return worker;
}

/** SHA-256 in hex, or null where this browser cannot tell; `stop` gives it up. */
export function sha256(blob) {
  count += 1;
  const id = count;
  const digest = new Promise((resolve) => asked.set(id, resolve));
  started().postMessage({ id, blob });
  return { digest, stop: () => worker.postMessage({ cancel: id }) };
}

/** SHA-256 of a file's head: tells the same file from another one of the same name and size. */
export const headOf = (file) => sha256(file.slice(0, 1 << 20)).digest;
