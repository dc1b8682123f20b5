// After the last file: reference, receipt code, and what the server says of each file until the receipt is out.
import { call, CallError, pause } from './api.js';
import { keepInAddress } from './link.js';
import { forget, setAside } from './store.js';
import { bytes, hasWord, word } from './words.js';

const byId = (id) => document.getElementById(id);
const PAUSES_S = [2, 3, 5, 8, 15, 30, 60];
const MOST = 60; // hints come within minutes, or not while anyone waits

export function showDone({ session, link, code }) {
  for (const name of ['reference', 'receipt']) {
    for (const place of byId('done-part').querySelectorAll(`[data-fill="${name}"]`)) {
      if (place.matches('input')) place.value = session[name];
      else place.textContent = session[name];
    }
  }
  byId('report-note').hidden = link.kind !== 'business';
  byId('more').hidden = link.uses_left < 1;
  byId('more').addEventListener('click', async () => {
    await setAside(session);
    location.reload();
  });
  byId('earlier').replaceChildren(...(session.earlier ?? []).map(earlierOne));
  byId('earlier-part').hidden = !session.earlier?.length;
  byId('forget').addEventListener('click', async () => {
    if (!window.confirm(word('forget-sure'))) return;
    await forget(code);
    keepInAddress('');
    location.assign('/');
  });
  show(session.files ?? []);
  follow(session.receipt);
}

function earlierOne({ reference, receipt }) {
  const item = document.createElement('li');
  item.textContent = word('earlier', { reference, receipt });
  return item;
}

function show(files) {
  byId('done-files').replaceChildren(...files.map(rowOf));
}

function rowOf(file) {
  const row = byId('done-row').content.firstElementChild.cloneNode(true);
  const part = (name) => row.querySelector(`[data-part="${name}"]`);
  part('name').textContent = file.name;
  part('size').textContent = bytes(file.size);
  part('digest').textContent = file.sha256 ? word('digest', { sha256: file.sha256 }) : '';
  part('state').textContent = word({ true: 'received-identical', false: 'received-different' }[file.identical] ?? 'received');
  const hints = (file.hints ?? []).filter((hint) => hasWord(`hint-${hint}`)).map((hint) => word(`hint-${hint}`));
  part('hints').textContent = hints.join(' ');
  row.dataset.state = file.identical === false ? 'different' : 'received';
  return row;
}

/** Ask how far it is: what is processed meanwhile may bring hints. */
async function follow(receipt) {
  for (let count = 0; count < MOST; count += 1) {
    try {
      const told = await call('GET', '/api/receipt', { receipt });
      show(told.files);
    } catch (error) {
      if (!(error instanceof CallError) || !error.passes) throw error;
    }
    await pause(1000 * PAUSES_S[Math.min(count, PAUSES_S.length - 1)]);
  }
}
