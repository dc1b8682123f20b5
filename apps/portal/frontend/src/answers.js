// The questions: kept as they are typed, on the server, and all but contact data in this browser.
import { CallError, call, pause } from './api.js';
import { fieldText } from './times.js';
import { word, zone } from './words.js';

const PLAIN = ['recorded_at', 'place', 'clock_shown', 'clock_true', 'note'];
const CONTACT = ['name', 'phone', 'email'];
const QUIET_MS = 6000; // each change that is sent stays in the case's record for ever: not every pause in typing

export class Answers {
  /** `kept` hears of each change of what this browser keeps (`keeps`). */
  constructor(form, kept) {
    Object.assign(this, { form, kept, submission: null, link: null, dirty: false, isLocked: false });
    Object.assign(this, { contactTouched: false, contactGiven: false, contactUnseen: false });
    Object.assign(this, { suggestion: null, refused: '', isTold: false });
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

  /** What an earlier visit kept; what was typed since stays. Of contact data only that there are some is kept here. */
  restore({ answers = {}, suggestion = null, contactGiven = false }) {
    for (const name of PLAIN) {
      const field = this.form.elements[name];
      if (answers[name] && !field.value) field.value = answers[name];
    }
    if (answers.clock_shown || answers.clock_true) document.getElementById('clock').open = true;
    if (suggestion && answers.recorded_at === this.form.elements.recorded_at.value) this.showSuggestion(suggestion);
    this.contactGiven = this.contactUnseen = contactGiven;
    document.getElementById('contact-kept').hidden = !contactGiven;
    if (contactGiven && !this.contactTouched) this.form.elements.contact.value = 'yes';
    this.showContact();
  }

  get plain() {
    const said = Object.fromEntries(PLAIN.map((name) => [name, plainText(this.form.elements[name].value) || null]));
    return { ...said, recorded_at_from: (said.recorded_at && this.suggestion?.from) || null };
  }

  get keeps() {
    return { answers: this.plain, suggestion: this.suggestion, contactGiven: this.contactGiven };
  }

  get contact() {
    if (this.form.elements.contact.value !== 'yes') return null;
    return Object.fromEntries(CONTACT.map((name) => [name, plainText(this.form.elements[name].value).replaceAll('\t', ' ')]));
  }

  changed(field) {
    if (CONTACT.includes(field.name) || field.name === 'contact') this.contactTouched = true;
    if (CONTACT.includes(field.name)) this.contactUnseen = false;
    if (field.name === 'contact') this.showContact();
    if (field.name === 'recorded_at') this.showSuggestion(null); // the sender's own word now
    this.touched();
  }

  touched() {
    this.dirty = true;
    this.refused = '';
    this.isTold = false;
    this.kept();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), QUIET_MS);
  }

  /** A time that was read from a file, {time, from, name}: it counts as a suggestion until the sender changes it. */
  suggest({ time, from, name }) {
    if (this.form.elements.recorded_at.value) return;
    this.form.elements.recorded_at.value = time;
    this.showSuggestion({ from, name });
    this.touched();
  }

  /** The file that a suggestion came from was removed. */
  unsuggest(name) {
    if (this.suggestion?.name !== name) return;
    this.form.elements.recorded_at.value = '';
    this.showSuggestion(null);
    this.touched();
  }

  showSuggestion(suggestion) {
    const line = document.getElementById('recorded_at-source');
    this.suggestion = suggestion;
    line.hidden = !suggestion;
    line.textContent = suggestion ? word(`time-from-${suggestion.from}`, { name: suggestion.name }) : '';
  }

  showContact() {
    this.contactFields.hidden = this.form.elements.contact.value !== 'yes';
    this.enable();
  }

  /** Once the sender has finished, nothing is typed that would not be kept. */
  lock(isLocked) {
    this.isLocked = isLocked;
    this.enable();
  }

  /** What is hidden is disabled too: the browser would complain of it where nobody sees it. */
  enable() {
    for (const field of this.fields()) {
      field.disabled = this.isLocked || (this.contactFields.hidden && this.contactFields.contains(field));
    }
  }

  fields() {
    return document.querySelectorAll('#questions :is(input, textarea, button), #contact :is(input, textarea)');
  }

  /** Whether what was typed can be understood; else the first field that cannot is shown. */
  areValid() {
    const wrong = [...this.fields()].find((field) => !field.checkValidity());
    if (!wrong) return true;
    const part = wrong.closest('details');
    if (part) part.open = true;
    wrong.reportValidity();
    return false;
  }

  offerNow() {
    const button = document.getElementById('clock-now');
    button.hidden = false;
    button.addEventListener('click', () => {
      const field = this.form.elements.clock_true;
      field.value = fieldText(new Date(), zone, 19);
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
    const contact = this.contact;
    const isBlank = contact && !Object.values(contact).some(Boolean);
    // Empty fields after a reload take nothing back: what was given before it is not shown.
    const tells = this.contactTouched && !(isBlank && this.contactUnseen);
    const body = tells ? { ...this.plain, contact } : this.plain;
    try {
      await call('PUT', `/api/submissions/${this.submission}/answers`, { link: this.link, body, keepalive: true });
      if (tells) this.contactGiven = Boolean(contact) && !isBlank;
      if (tells) this.kept();
      this.say(word('answers-saved'));
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      if (!error.passes) this.refused = error.told || word('failed');
      this.say(this.refused || word('answers-later'));
      if (this.refused) return;
      this.dirty = true;
      this.timer = setTimeout(() => this.save(), 1000 * Math.max(5, error.retryAfter));
    }
  }

  say(text) {
    if (this.line.textContent !== text) this.line.textContent = text;
  }
}

/** Without control characters and halves of characters, which no text has and the server takes none of. */
const plainText = (text) => text.replace(/[\p{Cc}\p{Cs}]/gu, (char) => ('\n\t'.includes(char) ? char : ''));
