// All files together: a bar, a line, and what a screen reader hears: a word at each quarter, and when something changes.
import { delayOf } from './list.js';
import { Rate } from './pace.js';
import { bytes, span, word } from './words.js';

const byId = (id) => document.getElementById(id);

export class Overall {
  constructor() {
    this.quarter = 0;
    this.rate = new Rate();
    this.delayed = '';
    this.failed = new Set(); // ids of files whose failure was told
    this.waits = this.waits.bind(this);
  }

  choose(count) {
    this.say(count ? word('begun', { count }) : word('chosen-before'));
  }

  /** The server cannot be asked just now (an error), or can again (null). */
  waits(error) {
    this.network(error ? word(error.status === 0 ? 'delayed-network' : 'delayed-server') : '');
  }

  show(items) {
    const size = items.reduce((sum, item) => sum + item.size, 0);
    const sent = items.reduce((sum, item) => sum + item.sent, 0);
    const done = items.filter((item) => item.state === 'received').length;
    const share = size ? Math.floor((100 * sent) / size) : items.length && done === items.length ? 100 : 0;
    byId('overall-bar').value = share;
    if (items.some((item) => item.state === 'delayed')) this.rate.reset();
    else this.rate.add(sent);
    const speed = this.rate.perSecond;
    const left = speed > 0 && sent < size ? ` · ${word('left', { time: span((size - sent) / speed) })}` : '';
    const line = `${word('overall', { done, count: items.length })} · ${word('sent-of', { sent: bytes(sent), size: bytes(size), share: `${share}\u00a0%` })}${left}`;
    if (byId('overall').textContent !== line) byId('overall').textContent = line;
    this.announce(items, share, done);
  }

  announce(items, share, done) {
    const delayed = items.find((item) => item.state === 'delayed');
    const told = delayed ? delayOf(delayed) : '';
    if (told !== this.delayed) {
      this.delayed = told;
      this.network(told);
      this.say(told || word('goes-on'));
    }
    for (const item of items) {
      if (item.state !== 'failed') this.failed.delete(item.id);
      else if (!this.failed.has(item.id)) {
        this.failed.add(item.id);
        this.say(`${item.name}: ${item.told || word('failed')}`);
      }
    }
    if (items.length && done === items.length) {
      if (this.quarter < 4) this.say(word('all-received'));
      this.quarter = 4;
      return;
    }
    const quarter = Math.min(3, Math.floor(share / 25));
    if (quarter > this.quarter) this.say(word('quarter', { share: 25 * quarter }));
    this.quarter = quarter;
  }

  network(text) {
    if (byId('network').textContent !== text) byId('network').textContent = text;
  }

  say(text) {
    byId('announcer').textContent = text;
  }
}
