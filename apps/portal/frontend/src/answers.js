// The questions: kept as they are typed, on the server, and all but contact data in this browser.
import { CallError, call } from './api.js';
import { word } from './words.js';

const PLAIN = ['recorded_at', 'place', 'clock_shown', 'clock_true', 'note'];
const CONTACT = ['name', 'phone', 'email'];
const QUIET_MS = 6000; // each change that is sent stays in the case's record for ever: not every pause in typing

export class Answers {
  /** `kept` hears of each change of the plain answers. */
  constructor(form, kept) {
    Object.assign(this, { form, kept, submission: null, link: null, contactTouched: false, dirty: false });
    this.saved = document.getElementById('saved');
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

  /** Send what was typed since it was last sent; quiet where there is no submission yet. Resolves to whether all is kept. */
  async save() {
    clearTimeout(this.timer);
    if (!this.dirty || !this.submission) return !this.dirty;
    this.dirty = false;
    const body = this.contactTouched ? { ...this.plain, contact: this.contact } : this.plain;
    try {
      await call('PUT', `/api/submissions/${this.submission}/answers`, { link: this.link, body, keepalive: true });
      this.say(word('answers-saved'));
      return true;
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      this.dirty = true;
      this.say(error.passes ? word('answers-later') : error.told || word('failed'));
      if (error.passes) this.timer = setTimeout(() => this.save(), 1000 * Math.max(5, error.retryAfter));
      return false;
    }
  }

  say(text) {
    this.saved.hidden = false;
    if (this.saved.textContent !== text) this.saved.textContent = text;
  }
}

/** Local time as a field of type datetime-local wants it: 16 characters, or 19 with seconds. */
export function localText(date, length = 16) {
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60000);
  return local.toISOString().slice(0, length);
}
