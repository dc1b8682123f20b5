// When a file says that it was recorded: from an MP4's or MOV's header (mvhd), a JPEG's Exif, else the file's own date.
import { fieldText } from './times.js';

const MP4_EPOCH_S = 2082844800; // from 1904 to 1970
const MOST_BOXES = 64;
const DAY_MS = 86400000;

/** {time, from: 'recording' | 'file'}, or null; `time` as a field of type datetime-local has it in the zone. */
export async function timeOf(file, zone) {
  try {
    const moment = await movieTime(file);
    const time = moment ? fieldText(moment, zone) : await exifTime(file);
    const when = new Date(time);
    if (when.getFullYear() > 1990 && when <= Date.now() + DAY_MS) return { time, from: 'recording' };
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof DOMException)) throw error; // cut short, or not to be read
  }
  return file.lastModified ? { time: fieldText(new Date(file.lastModified), zone), from: 'file' } : null;
}

const viewOf = async (file, start, length) => new DataView(await file.slice(start, start + length).arrayBuffer());
const uint64 = (view, at) => view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
const name = (view, at) => String.fromCharCode(...[0, 1, 2, 3].map((place) => view.getUint8(at + place)));

/** ISO/IEC 14496-12: the boxes one after the other until moov, in which mvhd comes first. */
async function movieTime(file) {
  let at = 0;
  for (let count = 0; count < MOST_BOXES && at + 16 <= file.size; count += 1) {
    const view = await viewOf(file, at, 48);
    const kind = name(view, 4);
    if (!/^[\x20-\x7e]{4}$/.test(kind)) return null;
    if (kind === 'moov') return headerTime(view);
    let size = view.getUint32(0);
    if (size === 1) size = uint64(view, 8);
    if (size < 8) return null;
    at += size;
  }
  return null;
}

function headerTime(view) {
  if (name(view, 12) !== 'mvhd') return null;
  const isLong = view.getUint8(16) === 1;
  const seconds = isLong ? uint64(view, 20) : view.getUint32(20);
  return seconds ? new Date(1000 * (seconds - MP4_EPOCH_S)) : null;
}

/** Exif 2.3: APP1 of a JPEG, a TIFF header, DateTimeOriginal (0x9003) in the Exif part (0x8769); in the camera's own time. */
async function exifTime(file) {
  const view = await viewOf(file, 0, 65536);
  if (view.byteLength < 12 || view.getUint16(0) !== 0xffd8) return null;
  let at = 2;
  while (view.getUint16(at) !== 0xffe1 || name(view, at + 4) !== 'Exif') {
    if (view.getUint8(at) !== 0xff) return null;
    at += 2 + view.getUint16(at + 2);
  }
  const base = at + 10;
  const little = view.getUint16(base) === 0x4949;
  const exif = entry(view, base, base + view.getUint32(base + 4, little), 0x8769, little);
  const place = exif && entry(view, base, base + exif, 0x9003, little);
  if (!place) return null;
  const text = String.fromCharCode(...new Uint8Array(view.buffer, base + place, 19));
  const parts = /^(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)$/.exec(text);
  return parts && `${parts[1]}-${parts[2]}-${parts[3]}T${parts[4]}:${parts[5]}`;
}

/** The value, or the offset of the value, of `tag` in the directory at `start`. */
function entry(view, base, start, tag, little) {
  const count = view.getUint16(start, little);
  for (let place = 0; place < count; place += 1) {
    const at = start + 2 + 12 * place;
    if (view.getUint16(at, little) === tag) return view.getUint32(at + 8, little);
  }
  return null;
}
