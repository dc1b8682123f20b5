// Times without a zone, which are of the authority's own wherever their reader is.

const FIELD = { year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' };

/** A moment as a field of type datetime-local has it in the zone: 16 characters, or 19 with seconds. */
export function fieldText(date, timeZone, length = 16) {
  const parts = new Intl.DateTimeFormat('en-GB', { ...FIELD, hourCycle: 'h23', timeZone }).formatToParts(date);
  const { year, month, day, hour, minute, second } = Object.fromEntries(parts.map(({ type, value }) => [type, value]));
  return `${year}-${month}-${day}T${hour}:${minute}:${second}`.slice(0, length);
}
