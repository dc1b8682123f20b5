// What a business is asked for, and how long its recorder still has it.
import { moment, word } from './words.js';

const MINUTE_MS = 60000;

export function showRequest(request) {
  const section = document.getElementById('request');
  section.hidden = !request;
  if (!request) return;
  for (const place of section.querySelectorAll('[data-request]')) {
    const value = request[place.dataset.request] ?? '';
    place.textContent = value;
    place.parentElement.hidden = !value;
  }
  countDown(document.getElementById('countdown'), request.overwritten_at);
}

/** Says how many hours are left, anew each minute. */
export function countDown(line, overwrittenAt) {
  line.hidden = !overwrittenAt;
  if (!overwrittenAt) return;
  const end = new Date(overwrittenAt).getTime();
  const say = () => {
    const left = end - Date.now();
    const hours = Math.floor(left / 3600000);
    line.dataset.near = hours < 24;
    line.textContent =
      left <= 0
        ? word('overwritten', { time: moment(end) })
        : hours < 1
          ? word('overwritten-within-the-hour', { time: moment(end) })
          : word('overwritten-in', { hours, time: moment(end) });
  };
  say();
  setInterval(say, MINUTE_MS);
}
