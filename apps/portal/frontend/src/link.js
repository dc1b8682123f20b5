// The link's code: from the address's fragment, which no server sees, or typed; a poster's is exchanged for a private one.
import { call, callUntilDone } from './api.js';
import { keepVisit, visitOf } from './store.js';

export const codeOfAddress = () => decodeURIComponent(location.hash.slice(1)).trim().toUpperCase();

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
