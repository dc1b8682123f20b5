// The questions: kept as they are typed, on the server, and all but contact data in this browser.
import { CallError, call, pause } from './api.js';
import { word } from './words.js';

const PLAIN = ['recorded_at', 'place', 'clock_shown', 'clock_true', 'note'];
const CONTACT = ['name', 'phone', 'email'];
const QUIET_MS = 6000; // each change that is sent stays in the case's record for ever: not every pause in typing

export class Answers {
  /** `kept` hears of each change of the plain answers. */
  constructor(form, kept) {
    Object.assign(this, { form, kept, submission: null, link: null, contactTouched: false, dirty: false });
    this.line = document.getElementById('saved');
    this.contactFields = document.getElementById('contact-fields');
    for (const section of [document.getElementById('questions'), document.getElementById('contact')]) {
      section.addEventListener('input', (event) => this.changed(event.target));
      section.addEventListener('change', () => this.save());
    }
    window.addEventListener('online', () => this.save());
    document.addEventListener('visibilitychange', () => document.visibilityState === 'hidden' && this.save());
    this.showContact();
    this.offerNow();
  }

  /** The submission that the answers belong to, once there is one. */
  belongTo(link, submission) {
    Object.assign(this, { link, submission });
    this.save();
  }

  restore(values) {
    for (const [name, value] of Object.entries(values ?? {})) {
      if (PLAIN.includes(name) && value) this.form.elements[name].value = value;
    }
    if (values?.clock_shown || values?.clock_true) document.getElementById('clock').open = true;
  }

  get plain() {
    return Object.fromEntries(PLAIN.map((name) => [name, this.form.elements[name].value || null]));
  }

  get contact() {
    if (this.form.elements.contact.value !== 'yes') return null;
    return Object.fromEntries(CONTACT.map((name) => [name, this.form.elements[name].value]));
  }

  changed(field) {
    if (CONTACT.includes(field.name) || field.name === 'contact') this.contactTouched = true;
    if (field.name === 'contact') this.showContact();
    this.dirty = true;
    this.kept(this.plain);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), QUIET_MS);
  }

  showContact() {
    this.contactFields.hidden = this.form.elements.contact.value !== 'yes';
  }

  offerNow() {
    const button = document.getElementById('clock-now');
    button.hidden = false;
    button.addEventListener('click', () => {
      const field = this.form.elements.clock_true;
      field.value = localText(new Date(), 19);
      this.changed(field);
    });
  }

  /** Resolves once nothing is left to be sent, or what is left can never be. */
  async saved() {
    while (this.dirty || this.running) {
      await (this.running ?? this.save());
      if (this.dirty) await pause(3000);
    }
  }

  /** Send what was typed since it was last sent, one call at a time; nothing where there is no submission yet. */
  async save() {
    clearTimeout(this.timer);
    if (this.running) await this.running;
    if (!this.dirty || !this.submission) return;
    this.dirty = false;
    this.running = this.put();
    await this.running;
    this.running = null;
  }

  async put() {
    const body = this.contactTouched ? { ...this.plain, contact: this.contact } : this.plain;
    try {
      await call('PUT', `/api/submissions/${this.submission}/answers`, { link: this.link, body, keepalive: true });
      this.say(word('answers-saved'));
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      this.say(error.passes ? word('answers-later') : error.told || word('failed'));
      if (!error.passes) return;
      this.dirty = true;
      this.timer = setTimeout(() => this.save(), 1000 * Math.max(5, error.retryAfter));
    }
  }

  say(text) {
    this.line.hidden = false;
    if (this.line.textContent !== text) this.line.textContent = text;
  }
}

/** Local time as a field of type datetime-local wants it: 16 characters, or 19 with seconds. */
export function localText(date, length = 16) {
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60000);
  return local.toISOString().slice(0, length);
}
