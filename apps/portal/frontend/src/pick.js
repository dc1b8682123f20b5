// Choosing files: with handles that outlive the page where the browser has them, else through plain inputs.

const byId = (id) => document.getElementById(id);

const isPhone = matchMedia('(pointer: coarse)').matches;
const isApplePhone = /iPhone|iPad|iPod/.test(navigator.userAgent) || (navigator.platform === 'MacIntel' && navigator.maxTouchPoints > 1);

/** Hands each choice to `chosen` as [{file, path, handle}]. */
export function offerPicking(chosen, { withCamera }) {
  if (isApplePhone) {
    byId('iphone').open = true; // to be read before the choice
    byId('pick-buttons').before(byId('iphone'));
  }
  const input = { files: byId('files-input'), folder: byId('folder-input'), camera: byId('camera-input') };
  for (const element of Object.values(input)) {
    element.addEventListener('change', () => {
      const files = [...element.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
      element.value = ''; // the same file may be chosen again
      if (files.length) chosen(files);
    });
  }
  byId('pick-files').addEventListener('click', () => pick(chosen, window.showOpenFilePicker && openFiles, input.files));
  const hasFolders = Boolean(window.showDirectoryPicker) || 'webkitdirectory' in input.folder;
  byId('pick-folder').hidden = !hasFolders || isApplePhone;
  byId('pick-folder').addEventListener('click', () => pick(chosen, window.showDirectoryPicker && openFolder, input.folder));
  byId('pick-camera').hidden = !(withCamera && isPhone && 'capture' in input.camera);
  byId('pick-camera').addEventListener('click', () => input.camera.click());
  takeDropped(chosen);
}

/** One file that takes the place of one that was chosen before. */
export function pickAgain(chosen) {
  const input = byId('again-input');
  input.onchange = () => {
    const [file] = input.files;
    input.value = '';
    if (file) chosen({ file, path: file.name });
  };
  pick(([one]) => chosen(one), window.showOpenFilePicker && (() => openFiles(false)), input);
}

async function pick(chosen, open, input) {
  if (!open) {
    input.click();
    return;
  }
  let files;
  try {
    files = await open();
  } catch (error) {
    if (error.name !== 'AbortError') input.click(); // AbortError: nothing was chosen
    return;
  }
  if (files.length) chosen(files);
}

async function openFiles(multiple = true) {
  const handles = await window.showOpenFilePicker({ multiple });
  return Promise.all(handles.map(async (handle) => ({ file: await handle.getFile(), path: handle.name, handle })));
}

async function openFolder() {
  const folder = await window.showDirectoryPicker();
  return filesIn(folder, folder.name);
}

async function filesIn(folder, path) {
  const found = [];
  for await (const handle of folder.values()) {
    const below = `${path}/${handle.name}`;
    if (handle.kind === 'directory') found.push(...(await filesIn(handle, below)));
    else found.push({ file: await handle.getFile(), path: below, handle });
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** A file dropped on the page would replace it, and end what is being sent. */
function takeDropped(chosen) {
  window.addEventListener('dragover', (event) => event.preventDefault());
  window.addEventListener('drop', (event) => {
    event.preventDefault();
    const files = [...(event.dataTransfer?.files ?? [])].map((file) => ({ file, path: file.name }));
    if (files.length) chosen(files);
  });
}
