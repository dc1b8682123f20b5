// One file on its way: a tus upload that is begun again from where the server stands, for as long as it takes.
import { Upload } from 'tus-js-client';

import { CallError, headersOf, pause, pauseMs, seconds } from './api.js';
import { FIRST_CHUNK, Rate, nextChunk } from './pace.js';

const STALLED_MS = 45000; // no byte left this device for so long: the connection is dead, whatever it says

export class Sending {
  /** `moved` hears of each step, `created` of the upload's address, `waits` of a failure that may pass (status). */
  constructor(file, { link, submission, name, url, moved, created, waits }) {
    Object.assign(this, { file, link, submission, name, url, moved, created, waits });
    this.sent = 0;
    this.rate = new Rate();
    this.chunk = FIRST_CHUNK;
    this.stopped = false;
  }

  /** Resolves once the server has all of it; rejects with a CallError for what no waiting mends. */
  async run() {
    for (let attempt = 0; !this.stopped; attempt += 1) {
      const before = this.sent;
      const failure = await this.attempt();
      if (failure === null || this.stopped) return;
      if (this.sent > before) attempt = 0;
      const { status } = failure;
      if (this.url && (status === 404 || status === 410)) {
        this.url = null; // the upload is gone; whether the link is too, the creation tells
        this.sent = 0;
        await this.created(null);
        continue;
      }
      if (!passes(failure)) throw failure;
      if (status === 0 && !(await isReadable(this.file, this.sent))) throw new CallError(0, 'changed');
      this.waits(status);
      this.rate.reset();
      await this.rest(pauseMs(attempt, failure.retryAfter));
    }
  }

  /** Stop; `run` ends, and what the server has stays there. */
  stop() {
    this.stopped = true;
    this.wake?.();
    this.finish?.(new CallError(0, 'stopped'));
  }

  rest(ms) {
    return Promise.race([pause(ms), new Promise((resolve) => (this.wake = resolve))]);
  }

  attempt() {
    return new Promise((resolve) => {
      let heard = performance.now();
      let begun = heard;
      const watch = setInterval(() => {
        if (performance.now() - heard > STALLED_MS) finish(new CallError(0, 'stalled'));
      }, 5000);
      const finish = (outcome) => {
        clearInterval(watch);
        if (outcome) this.upload.abort();
        resolve(outcome);
      };
      this.finish = finish;
      // With an endpoint, tus-js-client makes a new upload of every refused HEAD, also of 429: only ever one of the two.
      const target = this.url ? { uploadUrl: this.url } : { endpoint: `${location.origin}/files` };
      this.upload = new Upload(this.file, {
        ...target,
        headers: headersOf(this.link),
        metadata: { filename: this.name, submission: this.submission },
        chunkSize: this.chunk,
        retryDelays: null,
        storeFingerprintForResuming: false,
        onUploadUrlAvailable: () => {
          heard = performance.now();
          if (this.url === this.upload.url) return undefined;
          this.url = this.upload.url;
          return this.created(this.url);
        },
        onProgress: (sent) => {
          heard = performance.now();
          this.sent = sent;
          this.rate.add(sent);
          this.moved();
        },
        onChunkComplete: () => {
          const now = performance.now();
          this.chunk = nextChunk(this.chunk, now - begun);
          this.upload.options.chunkSize = this.chunk;
          heard = now;
          begun = now;
        },
        onSuccess: () => finish(null),
        onError: (error) => finish(failureOf(error)),
      });
      this.upload.start();
    });
  }
}

function failureOf(error) {
  const answer = error.originalResponse;
  if (!answer) return new CallError(0, 'network');
  let told = {};
  try {
    told = JSON.parse(answer.getBody() || '{}');
  } catch (ignored) {
    told = {}; // a proxy's page: the status alone counts
  }
  return new CallError(answer.getStatus(), told.error, told.message, seconds(answer.getHeader('Retry-After')));
}

/** 409 but for an ended submission: another request moved the offset, and HEAD tells where it stands. */
const passes = (failure) => failure.passes || failure.status === 423 || (failure.status === 409 && failure.code !== 'ended');

/** Whether the device still gives the file's bytes: not where it was changed or moved, or its permission ran out. */
async function isReadable(file, at) {
  try {
    await file.slice(at, at + 1).arrayBuffer();
    return true;
  } catch (error) {
    return false;
  }
}
