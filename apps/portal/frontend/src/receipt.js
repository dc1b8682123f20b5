// The receipt's page: opened by its QR code, and told when the receipt is out.
import { call, CallError, pause } from './api.js';
import { codeOfAddress } from './link.js';
import './skip.js';
import { linkOfReceipt } from './store.js';
import { word } from './words.js';

const byId = (id) => document.getElementById(id);
const isReady = (state) => state === 'sealed' || state === 'issued';
const PAUSES_S = [5, 10, 20, 30, 60];

async function follow(receipt, known) {
  for (let count = 0; ; count += 1) {
    await pause(1000 * PAUSES_S[Math.min(count, PAUSES_S.length - 1)]);
    try {
      const { state } = await call('GET', '/api/receipt', { receipt });
      if (isReady(state) || state !== known) break;
    } catch (error) {
      if (!(error instanceof CallError) || !error.passes) throw error;
    }
  }
  byId('news').textContent = word('receipt-news');
}

async function start() {
  const form = byId('receipt-form');
  if (form) {
    byId('code').value = codeOfAddress();
    if (byId('code').value) form.submit();
    return;
  }
  const receipt = byId('state').dataset.code;
  for (const other of document.querySelectorAll('.languages a')) other.hash = receipt;
  const link = await linkOfReceipt(receipt);
  if (link) byId('more').hash = link;
  if (!isReady(byId('state').dataset.state)) await follow(receipt, byId('state').dataset.state);
}

start();
