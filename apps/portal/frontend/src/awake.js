// While something is being sent: the screen stays on, and closing the page asks first.

let wanted = false;
let lock = null;

async function ask() {
  if (!wanted || lock || !navigator.wakeLock || document.visibilityState !== 'visible') return;
  try {
    lock = await navigator.wakeLock.request('screen');
    lock.addEventListener('release', () => (lock = null));
    if (!wanted) lock.release();
  } catch (error) {
    lock = null; // the battery is low, or the browser does not want to: sending goes on without
  }
}

function warn(event) {
  event.preventDefault();
  event.returnValue = ''; // what older browsers look at
}

export function keepAwake(busy) {
  if (busy === wanted) return;
  wanted = busy;
  if (busy) {
    window.addEventListener('beforeunload', warn);
    ask();
  } else {
    window.removeEventListener('beforeunload', warn);
    lock?.release();
  }
}

document.addEventListener('visibilitychange', ask);
