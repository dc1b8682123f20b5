// The link's code: from the address's fragment, which no server sees, or typed; a poster's is exchanged for a private one.
import { call, callUntilDone } from './api.js';
import { keepVisit, visitOf } from './store.js';

const CODE_LENGTH = 28;

/** A code as it was given out, groups of four capitals, however it was typed; what cannot be one stays as it is. */
export function codeOf(typed) {
  const plain = typed.replace(/[\s-]/g, '').toUpperCase();
  return plain.length === CODE_LENGTH ? plain.match(/.{4}/gu).join('-') : typed.trim().toUpperCase();
}

export function codeOfAddress() {
  const text = location.hash.slice(1);
  try {
    return codeOf(decodeURIComponent(text));
  } catch (error) {
    return codeOf(text); // no percent-encoding: no code either, and the server says so
  }
}

/** Put `code` into the address, so that a bookmark, a reload and the other language have it. */
export function keepInAddress(code) {
  history.replaceState(null, '', `${location.pathname}${location.search}${code ? `#${code}` : ''}`);
  for (const link of document.querySelectorAll('a[data-keeps-code]')) link.hash = code;
}

/** {code, link}: the code to work with and what it opens. Rejects with a CallError; `waiting` hears while no answer comes. */
export async function openLink(code, waiting) {
  const found = await callUntilDone('GET', '/api/link', { link: code }, waiting);
  if (found.kind !== 'incident') return { code, link: found };
  const known = (await visitOf(code))?.link;
  if (known) {
    try {
      return { code: known, link: await call('GET', '/api/link', { link: known }) };
    } catch (error) {
      if (error.status !== 404) throw error; // what this visitor was given before has run out
    }
  }
  const visit = await callUntilDone('POST', '/api/visit', { link: code }, waiting);
  await keepVisit(code, visit.link);
  return { code: visit.link, link: await callUntilDone('GET', '/api/link', { link: visit.link }, waiting) };
}
