// The page where recordings are sent: what its form does without scripts, with scripts it does better.
import { Answers } from './answers.js';
import { keepAwake } from './awake.js';
import { CallError, callUntilDone, pause, pauseMs } from './api.js';
import { showDone } from './done.js';
import { timeOf } from './filetime.js';
import { codeOf, codeOfAddress, keepInAddress, openLink } from './link.js';
import { List } from './list.js';
import { Overall } from './overall.js';
import { offerPicking, pickAgain } from './pick.js';
import { showRequest } from './request.js';
import './skip.js';
import { keepSession, sessionOf } from './store.js';
import { bytes, hasWord, language, moment, word, zone } from './words.js';

const byId = (id) => document.getElementById(id);
const form = byId('send');
const overall = new Overall();
const list = new List(byId('files'), act);
const answers = new Answers(form, () => keep(answers.keeps));
let code = '';
let link = null;
let session = null; // what this browser keeps of the submission that is being sent
let earlier = []; // receipts of those that were sent before through the same link
let uploader = null;
let opening = null; // what `begin` has in hand
let ready = null; // the submission and its uploader, once they are asked for

/** Show a part of the page: code, open, done, or nothing of it. */
function show(part) {
  byId('code-part').hidden = part !== 'code';
  for (const name of ['pick-part', 'help-part', 'questions', 'contact', 'finish-part']) byId(name).hidden = part !== 'open';
  byId('progress-part').hidden = part !== 'open' || !uploader?.items.length;
  byId('done-part').hidden = part !== 'done';
  byId('lead').hidden = part === 'done';
  byId('reference-line').hidden = part === 'done' || !link; // there the submission has its own reference
  if (part === 'done') byId('request').hidden = true;
}

function problem(text, { focus = true } = {}) {
  byId('problem').hidden = !text;
  byId('problem-text').textContent = text;
  if (text && focus) byId('problem').focus();
}

const said = (error) => (hasWord(`error-${error.code}`) ? word(`error-${error.code}`) : error.told || word('failed'));

/** Keep it in this browser; before the first file is chosen, as what will belong to it. */
async function keep(changes) {
  if (session) await keepSession(Object.assign(session, changes));
  else if (code) await keepSession({ link: code, earlier, ...changes });
}

/** Open the link that `typed` is the code of; without one, ask for it. */
async function begin(typed) {
  if (!typed) {
    show('code');
    return;
  }
  form.setAttribute('aria-busy', 'true');
  try {
    const opened = await openLink(typed, () => problem(word('delayed-network'), { focus: false }));
    ({ code, link } = opened);
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    problem('');
    if (await wasFinished(typed)) return;
    show('code');
    byId('code').value = typed;
    byId('code').setAttribute('aria-invalid', 'true');
    problem(said(error));
    return;
  } finally {
    form.removeAttribute('aria-busy');
  }
  problem('');
  keepInAddress(code);
  byId('code').value = code;
  byId('code').removeAttribute('aria-invalid');
  const kept = await sessionOf(code);
  earlier = kept?.earlier ?? [];
  session = kept?.submission ? kept : null;
  if (!session && link.uses_left < 1) {
    link = null;
    show('code'); // another one may work
    byId('code').value = '';
    problem(word('used-up'));
    return;
  }
  describe();
  if (session?.ended) {
    finished();
    return;
  }
  show('open');
  loaded();
  answers.restore(kept ?? {});
  if (!session) return;
  await uploaderOf();
  if (session.finishing) finish();
}

/** A link that has run out still leads to the receipt of what was sent through it from here. */
async function wasFinished(typed) {
  const kept = await sessionOf(typed);
  if (!kept?.ended) return false;
  code = typed;
  session = kept;
  link = { kind: '', uses_left: 0 };
  finished();
  return true;
}

function describe() {
  byId('reference').textContent = link.reference;
  const { files, bytes: most } = link.limits;
  byId('limits').textContent = word('limits', { files, bytes: bytes(most) });
  showRequest(link.request);
  if (link.kind === 'business') byId('clock').open = true;
  const section = byId('messages');
  section.hidden = !link.messages.length;
  section.querySelector('ul').replaceChildren(...link.messages.map(message));
}

function message({ at, text }) {
  const item = byId('message').content.firstElementChild.cloneNode(true);
  item.querySelector('.alert-text').textContent = text;
  item.querySelector('.when').textContent = moment(at);
  return item;
}

/** The submission, begun with the first file, and what sends its files; one for all who ask. */
function uploaderOf() {
  ready ??= (async () => {
    const [{ Uploader }] = await Promise.all([loaded(), begun()]);
    uploader = new Uploader({ link: code, submission: session.submission, changed: draw });
    if (await isElsewhere()) {
      show('nothing');
      return uploader;
    }
    await uploader.restore();
    answers.belongTo(code, session.submission);
    return uploader;
  })();
  return ready;
}

/** The part that sends, which is loaded once a link has opened; over a bad line again and again. */
async function loaded() {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await import('./uploader.js');
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // TypeError: it could not be fetched
      overall.waits(new CallError(0));
      await pause(pauseMs(attempt));
    }
  }
}

async function begun() {
  if (session) return;
  const body = { language, declaration: form.dataset.declaration };
  const made = await callUntilDone('POST', '/api/submissions', { link: code, body }, overall.waits);
  overall.waits(null);
  link.uses_left -= 1; // as was told before this one
  session = { link: code, ...made, earlier, finishing: false, ended: false };
  await keep(answers.keeps);
}

/** Two tabs would take each other's turn: the first one sends. */
async function isElsewhere() {
  if (!navigator.locks) return false;
  const held = await new Promise((resolve) => {
    navigator.locks.request(`vidne ${session.submission}`, { ifAvailable: true }, (lock) => {
      resolve(!lock);
      return lock ? new Promise(() => {}) : undefined; // kept until the page goes
    });
  });
  if (held) problem(word('other-tab'));
  return held;
}

async function chosen(files) {
  problem('');
  await opening; // a person may choose before the link has answered
  if (!link) return;
  const { files: most, largest } = link.limits;
  const small = files.filter(({ file }) => file.size <= largest);
  if (small.length < files.length) problem(word('too-large', { bytes: bytes(largest) }));
  if (!small.length) return;
  if ((uploader?.items.length ?? 0) + small.length > most) {
    problem(word('too-many', { files: most }));
    return;
  }
  byId('progress-part').hidden = false;
  try {
    const sender = await uploaderOf();
    const fresh = await sender.add(small);
    overall.choose(fresh.length);
    if (fresh.length) suggestTime(fresh[0]);
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    ready = null;
    problem(said(error));
  }
}

async function suggestTime(item) {
  const found = await timeOf(item.file, zone);
  if (found && uploader.items.includes(item)) answers.suggest({ ...found, name: item.name });
}

function cancel(item) {
  if (item.sent && !window.confirm(word('cancel-sure', { name: item.name }))) return;
  uploader.cancel(item);
  answers.unsuggest(item.name);
}

function act(name, item) {
  if (name === 'cancel') {
    cancel(item);
  } else if (name === 'choose' && item.handle && item.why !== 'changed') {
    uploader.allow(item);
  } else if (name === 'choose' || (name === 'retry' && !item.file)) {
    item.state = 'missing';
    pickAgain(async ({ file, handle }) => {
      problem((await uploader.again(item, file, handle)) ? '' : word('another-file', { name: item.name }));
    });
  } else if (name === 'retry') {
    uploader.anew(item);
  } else {
    uploader[name](item);
  }
}

let drawing = false;
function draw() {
  keepAwake(uploader.isBusy);
  if (session.finishing && uploader.isDone) end();
  if (drawing) return;
  drawing = true;
  setTimeout(() => {
    drawing = false;
    list.draw(uploader.items);
    overall.show(uploader.items);
    byId('progress-part').hidden = session.ended || !uploader.items.length;
  }, 100);
}

async function finish() {
  problem('');
  if (!uploader?.items.length) {
    problem(word('nothing-chosen'));
    return;
  }
  if (uploader.items.some((item) => ['missing', 'failed', 'paused'].includes(item.state))) {
    problem(word('some-wait'));
    answers.lock(session.finishing); // who has finished before, and left, need not do so again
    return;
  }
  if (!answers.areValid()) return;
  answers.lock(true);
  await keep({ finishing: true });
  byId('finish-waits').hidden = uploader.isDone;
  if (uploader.isDone) end();
}

let ending = false;
async function end() {
  if (ending) return;
  ending = true;
  await answers.saved();
  if (answers.refused && !answers.isTold) {
    answers.isTold = true;
    await unfinished(word('answers-refused', { reason: answers.refused }));
    return;
  }
  try {
    await callUntilDone('POST', `/api/submissions/${session.submission}/end`, { link: code }, overall.waits);
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    await unfinished(said(error));
    return;
  }
  await keep({ ended: true, files: uploader.items.map(({ name, size, sha256, identical }) => ({ name, size, sha256, identical })) });
  keepAwake(false);
  finished();
}

async function unfinished(why) {
  ending = false;
  byId('finish-waits').hidden = true;
  answers.lock(false);
  await keep({ finishing: false });
  problem(why);
}

function finished() {
  show('done');
  showDone({ session, link, code });
  byId('done-heading').focus();
}

async function beginWithTyped() {
  opening = begin(codeOf(byId('code').value));
  await opening;
  if (!byId('pick-part').hidden) byId('pick-heading').focus();
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  if (!link) beginWithTyped(); // else it is the Enter key in a field, which ends nothing
});
byId('finish').type = 'button';
byId('finish').addEventListener('click', finish);
window.addEventListener('hashchange', () => codeOfAddress() !== code && location.reload()); // another link was pasted
byId('plain-files').hidden = true;
byId('file').disabled = true;
for (const element of form.querySelectorAll('.without-script')) element.hidden = true;
byId('pick-buttons').hidden = false;
byId('finish').textContent = byId('finish').dataset.text;
byId('finish-text').hidden = false;
offerPicking(chosen, { withCamera: true });
opening = begin(codeOfAddress());
