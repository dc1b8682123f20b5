// The page's words, which the server wrote into <template id="words">, and numbers as its reader writes them.

export const language = document.documentElement.lang;
export const { zone } = document.documentElement.dataset; // the authority's, see times.js
const region = language === 'en' ? 'en-GB' : language; // whose dates and numbers

const words = new Map();
for (const item of document.getElementById('words')?.content.children ?? []) {
  words.set(item.dataset.key, item.textContent);
}

/** The text of `key` with its {placeholders} filled in. */
export function word(key, values = {}) {
  const text = words.get(key);
  if (text === undefined) throw new Error(`no word ${key}`);
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export const hasWord = (key) => words.has(key);

export function bytes(count) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let place = 0;
  while (count >= 999.5 && place < units.length - 1) {
    count /= 1000;
    place += 1;
  }
  const maximumFractionDigits = place > 1 && count < 100 ? 1 : 0;
  return `${new Intl.NumberFormat(region, { maximumFractionDigits }).format(count)}\u00a0${units[place]}`;
}

/** A span of time, roughly. */
export function span(seconds) {
  if (seconds < 60) return word('under-a-minute');
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return word('minutes', { count: minutes });
  return word('hours', { count: Math.round(minutes / 60) });
}

export function moment(time) {
  return new Intl.DateTimeFormat(region, { dateStyle: 'long', timeStyle: 'short', timeZone: zone }).format(new Date(time));
}
