// SHA-256 of files, apart from the page: {id, blob} in, {id, sha256} or {id, failed} out; {cancel} gives one up.
import { createSHA256 } from 'hash-wasm';

const PIECE = 4 * 1024 * 1024;
const cancelled = new Set();

async function digest(id, blob) {
  const hasher = await createSHA256();
  hasher.init();
  for (let at = 0; at < blob.size; at += PIECE) {
    if (cancelled.delete(id)) throw new DOMException('not wanted any more', 'AbortError');
    hasher.update(new Uint8Array(await blob.slice(at, at + PIECE).arrayBuffer()));
  }
  return hasher.digest('hex');
}

self.onmessage = async ({ data }) => {
  if (data.cancel) {
    cancelled.add(data.cancel);
    return;
  }
  try {
    self.postMessage({ id: data.id, sha256: await digest(data.id, data.blob) });
  } catch (error) {
    self.postMessage({ id: data.id, failed: error.name });
  }
};
