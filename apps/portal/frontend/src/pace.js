// How fast it goes, and how much to send at once.

const MIB = 1024 * 1024;
const SMALLEST = MIB;
const LARGEST = 32 * MIB;
const WINDOW_MS = 12000;

/** The next chunk's size, after one of `size` took `ms`: such that a cut loses some seconds, and answers are not the most of it. */
export function nextChunk(size, ms) {
  if (ms < 3000) return Math.min(LARGEST, size * 2);
  if (ms > 12000) return Math.max(SMALLEST, size / 2);
  return size;
}

export const FIRST_CHUNK = 2 * MIB;

/** Bytes a second over the last seconds. */
export class Rate {
  constructor() {
    this.samples = [];
  }

  /** `sent` bytes have gone by now; a smaller number than before begins anew. */
  add(sent, now = performance.now()) {
    const last = this.samples[this.samples.length - 1];
    if (last && sent < last.sent) this.samples = [];
    this.samples.push({ sent, now });
    while (this.samples.length > 2 && now - this.samples[0].now > WINDOW_MS) this.samples.shift();
  }

  reset() {
    this.samples = [];
  }

  /** 0 where it is not known yet. */
  get perSecond() {
    const [first, last] = [this.samples[0], this.samples[this.samples.length - 1]];
    if (!first || last.now - first.now < 1000) return 0;
    return (1000 * (last.sent - first.sent)) / (last.now - first.now);
  }
}
