// What this browser keeps, in IndexedDB: links it was given, what it began to send, and handles of the files.
import { openDB } from 'idb';

const STORES = { visits: 'poster', sessions: 'link', files: 'id' };

/** Where IndexedDB cannot be had (some private windows), things are kept until the page is left. */
class Memory {
  constructor() {
    this.stores = Object.fromEntries(Object.keys(STORES).map((name) => [name, new Map()]));
  }

  async get(name, key) {
    return this.stores[name].get(key);
  }

  async put(name, value) {
    this.stores[name].set(value[STORES[name]], value);
  }

  async delete(name, key) {
    this.stores[name].delete(key);
  }

  async getAll(name) {
    return [...this.stores[name].values()];
  }
}

async function open() {
  try {
    return await openDB('vidne', 1, {
      upgrade(database) {
        for (const [name, keyPath] of Object.entries(STORES)) database.createObjectStore(name, { keyPath });
      },
    });
  } catch (error) {
    return new Memory();
  }
}

const opened = open();

async function put(name, value) {
  const store = await opened;
  try {
    await store.put(name, value);
  } catch (error) {
    // A browser that has handles but cannot keep them. Where the device is full, this visit goes on all the same.
    if (error.name === 'DataCloneError' && value.handle) await store.put(name, { ...value, handle: null });
    else if (error.name !== 'QuotaExceededError') throw error;
  }
}

export const visitOf = async (poster) => (await opened).get('visits', poster);
export const keepVisit = (poster, link) => put('visits', { poster, link });
export const sessionOf = async (link) => (await opened).get('sessions', link);
export const keepSession = (session) => put('sessions', session);
export const keepFile = (file) => put('files', file);
export const dropFile = async (id) => (await opened).delete('files', id);

export async function filesOf(submission) {
  const all = await (await opened).getAll('files');
  return all.filter((file) => file.submission === submission).sort((a, b) => a.order - b.order);
}

/** The link through which the submission with this receipt code was sent, if it was from here. */
export async function linkOfReceipt(receipt) {
  const all = await (await opened).getAll('sessions');
  return all.find((one) => one.receipt === receipt || one.earlier?.some((other) => other.receipt === receipt))?.link;
}

async function dropFilesOf(submission) {
  for (const file of await filesOf(submission)) await dropFile(file.id);
}

/** Make room for a further submission through the same link; of this one reference and receipt code are kept. */
export async function setAside({ link, submission, reference, receipt, earlier = [] }) {
  await dropFilesOf(submission);
  await keepSession({ link, earlier: [...earlier, { reference, receipt }] });
}

/** Remove everything that this browser knows of a link. */
export async function forget(link) {
  const store = await opened;
  const session = await store.get('sessions', link);
  if (session?.submission) await dropFilesOf(session.submission);
  for (const visit of await store.getAll('visits')) {
    if (visit.link === link) await store.delete('visits', visit.poster);
  }
  await store.delete('sessions', link);
}
