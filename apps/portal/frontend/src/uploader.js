// All files of one submission: two on their way at a time, kept so that a reload or a closed tab loses nothing.
import { CallError, callUntilDone, pause, pauseMs } from './api.js';
import { headOf, sha256 } from './hasher.js';
import { Sending } from './sending.js';
import { dropFile, filesOf, keepFile } from './store.js';

const AT_ONCE = 2;
const KEEP_MS = 3000;
const MOST_ASKED = 8;

/**
 * States of a file: waiting, sending, delayed (tried again by itself), paused, missing (is to be chosen again),
 * checking (the server has all of it), received, failed.
 */
export class Uploader {
  constructor({ link, submission, changed }) {
    Object.assign(this, { link, submission, changed });
    this.items = [];
  }

  /** What an earlier visit left; without the user's leave no file is read, so some may be missing. */
  async restore() {
    for (const kept of await filesOf(this.submission)) {
      const item = { ...kept, file: null };
      this.items.push(item);
      if (item.state === 'checking' && item.sha256) this.check(item);
      else if (item.state !== 'received' && item.state !== 'failed') item.state = await this.found(item);
    }
    this.changed();
    this.turn();
  }

  /** Take in files, as [{file, path, handle}]; one that was missing goes on where it was. Returns those that were new. */
  async add(chosen) {
    const fresh = [];
    for (const { file, path, handle } of chosen) {
      const missing = await this.missingLike(file);
      if (missing) {
        await this.take(missing, file, handle);
      } else if (!this.items.some((item) => item.name === path && item.size === file.size && item.modified === file.lastModified)) {
        fresh.push(await this.enlist(file, path, handle));
      }
    }
    this.changed();
    this.turn();
    return fresh;
  }

  async enlist(file, path, handle) {
    const item = {
      id: `${this.submission}/${this.items.length}/${Date.now()}`,
      submission: this.submission,
      order: this.items.length,
      name: path,
      size: file.size,
      modified: file.lastModified,
      handle: handle ?? null,
      head: null,
      url: null,
      sha256: null,
      identical: null,
      state: 'waiting',
      file,
      sent: 0,
    };
    this.items.push(item);
    await this.keep(item);
    return item;
  }

  async missingLike(file) {
    const like = this.items.filter(
      (item) => item.state === 'missing' && item.size === file.size && (nameOf(item) === file.name || item.modified === file.lastModified),
    );
    if (!like.length) return undefined;
    const head = await headOf(file);
    return like.find((item) => !item.head || item.head === head);
  }

  /** Go on with `file` for an item that was missing; false where it is another file. */
  async again(item, file, handle) {
    if ((await this.missingLike(file)) !== item) return false;
    await this.take(item, file, handle);
    this.turn();
    return true;
  }

  async take(item, file, handle) {
    Object.assign(item, { file, handle: handle ?? item.handle, state: 'waiting', why: '' });
    await this.keep(item);
  }

  /** Ask for the leave to read a kept file again; needs a click. */
  async allow(item) {
    if ((await item.handle.requestPermission({ mode: 'read' })) === 'granted') {
      item.state = await this.found(item);
      if (item.state === 'missing') item.handle = null; // it is to be chosen anew
    }
    this.changed();
    this.turn();
  }

  async found(item) {
    if (!item.handle) return 'missing';
    try {
      if ((await item.handle.queryPermission({ mode: 'read' })) !== 'granted') return 'missing';
      const file = await item.handle.getFile();
      if (file.size !== item.size || file.lastModified !== item.modified) return 'missing';
      item.file = file;
    } catch (error) {
      return 'missing'; // moved or deleted
    }
    return item.paused ? 'paused' : 'waiting';
  }

  turn() {
    const busy = this.items.filter((item) => item.sending).length;
    const next = this.items.filter((item) => item.state === 'waiting' && !item.sending).slice(0, AT_ONCE - busy);
    for (const item of next) this.send(item);
  }

  async send(item) {
    item.sending = new Sending(item.file, {
      link: this.link,
      submission: this.submission,
      name: item.name,
      url: item.url,
      moved: () => {
        item.sent = item.sending?.sent ?? item.sent;
        item.state = 'sending';
        this.keepNowAndThen(item);
        this.changed();
      },
      created: async (url) => {
        item.url = url;
        await this.keep(item);
      },
      waits: (status) => {
        Object.assign(item, { state: 'delayed', why: status });
        this.changed();
      },
    });
    const { sending } = item;
    item.state = 'sending';
    this.changed();
    item.head ??= await headOf(item.file);
    await this.keep(item);
    item.hashing ??= item.sha256 ? { digest: Promise.resolve(item.sha256), stop() {} } : sha256(item.file);
    try {
      await sending.run();
      if (!sending.stopped) item.state = 'checking';
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      this.fail(item, error);
    } finally {
      item.sending = null;
    }
    if (item.state === 'checking') this.check(item);
    await this.keep(item);
    this.changed();
    this.turn();
  }

  fail(item, error) {
    item.hashing?.stop();
    item.hashing = null;
    if (error.code === 'changed') Object.assign(item, { state: 'missing', file: null, why: 'changed' });
    else Object.assign(item, { state: 'failed', why: error.code, told: error.told, status: error.status });
  }

  /** Tell the server what this browser made of the file, and hear whether it has the same. */
  async check(item) {
    item.sent = item.size;
    await this.keep(item);
    item.sha256 = await item.hashing?.digest ?? item.sha256;
    item.hashing = null;
    try {
      if (item.sha256) item.identical = await this.compared(item);
      item.state = 'received';
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      this.fail(item, error);
    }
    await this.keep(item);
    this.changed();
  }

  /** Whether the server's digest is the same; null where it has none yet after some time. */
  async compared(item) {
    const id = item.url.slice(item.url.lastIndexOf('/') + 1);
    const options = { link: this.link, body: { sha256: item.sha256 } };
    for (let asked = 0; asked < MOST_ASKED; asked += 1) {
      const { identical } = await callUntilDone('PUT', `/api/files/${id}/digest`, options);
      if (identical !== null) return identical;
      await pause(pauseMs(asked));
    }
    return null;
  }

  async pause(item) {
    Object.assign(item, { state: 'paused', paused: true });
    item.sending?.stop();
    await this.keep(item);
    this.changed();
    this.turn();
  }

  async resume(item) {
    Object.assign(item, { paused: false, state: item.file ? 'waiting' : 'missing' });
    await this.keep(item);
    this.changed();
    this.turn();
  }

  /** Try again what failed; a file that did not arrive as it was sent is sent as another one. */
  async anew(item) {
    if (item.identical === false) Object.assign(item, { url: null, sha256: null, identical: null, sent: 0 });
    item.state = 'waiting';
    await this.keep(item);
    this.changed();
    this.turn();
  }

  /** Take a file out, here and on the server. */
  async cancel(item) {
    item.sending?.stop();
    item.hashing?.stop();
    this.items = this.items.filter((other) => other !== item);
    await dropFile(item.id);
    this.changed();
    this.turn();
    if (item.url && item.state !== 'failed') await this.terminate(item.url);
  }

  async terminate(url) {
    try {
      await callUntilDone('DELETE', new URL(url).pathname, { link: this.link, tus: true });
    } catch (error) {
      if (!(error instanceof CallError)) throw error; // else it is gone already, or expires by itself
    }
  }

  keep(item) {
    const { file, sending, hashing, ...kept } = item;
    return this.items.includes(item) ? keepFile(kept) : undefined;
  }

  keepNowAndThen(item) {
    const now = performance.now();
    if (now - (this.keptAt ?? 0) < KEEP_MS) return;
    this.keptAt = now;
    this.keep(item);
  }

  get isBusy() {
    return this.items.some((item) => ['waiting', 'sending', 'delayed', 'checking'].includes(item.state));
  }

  get isDone() {
    return this.items.length > 0 && this.items.every((item) => item.state === 'received');
  }
}

const nameOf = (item) => item.name.slice(item.name.lastIndexOf('/') + 1);
