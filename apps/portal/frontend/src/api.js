// Calls of the portal's API. The code of a link or receipt goes into a header: never into an address.
import { language } from './words.js';

/** What a call failed of: `status` 0 means that no answer came. */
export class CallError extends Error {
  constructor(status, code = '', message = '', retryAfter = 0) {
    super(message || code);
    this.status = status;
    this.code = code;
    this.told = message;
    this.retryAfter = retryAfter;
  }

  /** Whether the same call may succeed later: no answer, too many, no room, or something is away. */
  get passes() {
    return this.status === 0 || this.status === 425 || this.status === 429 || this.status >= 500;
  }
}

export const headersOf = (link) => ({ 'Vidne-Link': link, 'Accept-Language': language });

/** Seconds that an answer asks to wait; 0 where it says nothing. */
export const seconds = (text) => Math.max(0, Number.parseInt(text ?? '', 10) || 0);

export async function call(method, path, { link, receipt, body, tus, keepalive = false } = {}) {
  const headers = { 'Accept-Language': language };
  if (link) headers['Vidne-Link'] = link;
  if (receipt) headers['Vidne-Receipt'] = receipt;
  if (tus) headers['Tus-Resumable'] = '1.0.0';
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: 'no-store',
      credentials: 'omit',
      keepalive, // goes out even as the page is closed
    });
  } catch (error) {
    throw new CallError(0, 'network');
  }
  const told = await jsonOf(answer);
  if (answer.ok) return told;
  throw new CallError(answer.status, told?.error, told?.message, seconds(answer.headers.get('Retry-After')));
}

async function jsonOf(answer) {
  if (!(answer.headers.get('Content-Type') ?? '').startsWith('application/json')) return null;
  try {
    return await answer.json();
  } catch (error) {
    return null; // cut off within: the status alone counts
  }
}

/** The n-th pause of a call that is tried for ever, in milliseconds: growing to half a minute, never in step with others. */
export function pauseMs(attempt, retryAfter = 0) {
  const grown = Math.min(30, 2 ** Math.min(attempt, 5)) * (0.75 + Math.random() / 2);
  return 1000 * Math.max(grown, retryAfter);
}

/** Resolves after `ms`, or as soon as the network is back. */
export function pause(ms) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      window.removeEventListener('online', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    window.addEventListener('online', done);
  });
}

/** `call`, again and again until it succeeds or fails for good; `waiting` hears of each failure that may pass. */
export async function callUntilDone(method, path, options, waiting = () => {}) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await call(method, path, options);
    } catch (error) {
      if (!(error instanceof CallError) || !error.passes) throw error;
      waiting(error);
      await pause(pauseMs(attempt, error.retryAfter));
    }
  }
}
