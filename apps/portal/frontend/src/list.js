// The list of files as it is shown: a row for each, its state in words, its buttons.
import { bytes, span, word } from './words.js';

const template = document.getElementById('row');

/** Draws `uploader.items` into `list`; `act` is called with the name of a button and its item. */
export class List {
  constructor(list, act) {
    Object.assign(this, { list, act });
    this.rows = new Map();
  }

  draw(items) {
    for (const item of items) {
      let row = this.rows.get(item.id);
      if (!row) {
        row = this.made(item);
        this.rows.set(item.id, row);
        this.list.append(row.root);
      }
      fill(row, item);
    }
    const ids = new Set(items.map((item) => item.id));
    for (const [id, row] of this.rows) {
      if (ids.has(id)) continue;
      this.rows.delete(id);
      this.leave(row.root);
    }
  }

  made(item) {
    const root = template.content.firstElementChild.cloneNode(true);
    const part = (name) => root.querySelector(`[data-part="${name}"]`);
    const row = { root, state: part('state'), rate: part('rate'), bar: part('bar'), buttons: new Map() };
    part('name').textContent = item.name;
    part('size').textContent = bytes(item.size);
    row.bar.setAttribute('aria-label', word('progress-of', { name: item.name }));
    for (const button of root.querySelectorAll('button')) {
      button.querySelector('.sr-only').textContent = item.name;
      button.addEventListener('click', () => this.act(button.dataset.act, item));
      row.buttons.set(button.dataset.act, button);
    }
    return row;
  }

  /** Focus does not fall to the top of the page when the row that had it goes. */
  leave(root) {
    const held = root.contains(document.activeElement);
    root.remove();
    if (held) document.getElementById(this.rows.size ? 'progress-heading' : 'pick-files').focus();
  }
}

const BUTTONS = {
  waiting: ['pause', 'cancel'],
  sending: ['pause', 'cancel'],
  delayed: ['pause', 'cancel'],
  paused: ['resume', 'cancel'],
  missing: ['choose', 'cancel'],
  checking: [],
  received: [],
  failed: ['retry', 'cancel'],
};

function fill(row, item) {
  set(row.state, stateOf(item));
  set(row.rate, rateOf(item));
  row.root.dataset.state = item.identical === false ? 'different' : item.state;
  const share = item.size ? Math.floor((100 * item.sent) / item.size) : item.state === 'received' ? 100 : 0;
  if (row.bar.value !== share) row.bar.value = share;
  row.bar.hidden = item.state === 'received';
  const wanted = item.identical === false ? ['retry'] : BUTTONS[item.state];
  const lost = [...row.buttons.values()].some((button) => button === document.activeElement && !wanted.includes(button.dataset.act));
  for (const [name, button] of row.buttons) button.hidden = !wanted.includes(name);
  if (lost) (row.buttons.get(wanted[0]) ?? document.getElementById('progress-heading')).focus();
}

/** Only what changes is written: screen readers and the layout are left alone otherwise. */
function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function stateOf(item) {
  if (item.state === 'delayed') return delayOf(item);
  if (item.state === 'missing') return word(item.why === 'changed' ? 'missing-changed' : item.handle ? 'missing-leave' : 'missing', { name: item.name });
  if (item.state === 'failed') return item.told || word('failed');
  if (item.state === 'received') return word({ true: 'received-identical', false: 'received-different' }[item.identical] ?? 'received');
  return word(item.state);
}

/** Why a file waits to be tried again. */
export function delayOf({ why }) {
  if (navigator.onLine === false || !why) return word('delayed-network');
  return word(why === 507 ? 'delayed-full' : 'delayed-server');
}

function rateOf(item) {
  if (item.state === 'received') return item.sha256 ? word('digest', { sha256: item.sha256 }) : '';
  const share = item.size ? Math.floor((100 * item.sent) / item.size) : 0;
  const sent = word('sent-of', { sent: bytes(item.sent), size: bytes(item.size), share: `${share}\u00a0%` });
  const speed = item.state === 'sending' ? (item.sending?.rate.perSecond ?? 0) : 0;
  if (!speed) return sent;
  return `${sent} · ${bytes(speed)}/s · ${word('left', { time: span((item.size - item.sent) / speed) })}`;
}
