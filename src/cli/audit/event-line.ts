import { isObject, type Json } from '../../domain/json/json.ts';
import { cut } from '../../text/cut.ts';
import { type Printed, printed, printedJson } from '../../text/printed.ts';
import { asciiOnly } from '../../text/visible.ts';
import type { ListedEvent } from './read.ts';

/** Members of an event's data that are worth a place on its line. */
const SHOWN = ['method', 'name', 'times', 'choice', 'reason', 'why', 'note', 'rule', 'status', 'state', 'statedReason'];
/** Characters of one member; all of it is in the JSON. */
const LONGEST = 300;

/** One event on one line. */
export function eventLine(event: ListedEvent, json: boolean): Printed {
  if (json) return printed`${printedJson(event)}\n`;
  const data: Json = event.data ?? null;
  const details = SHOWN.flatMap((name) => {
    const value = isObject(data) ? data[name] : null;
    return typeof value === 'string' || typeof value === 'number' ? [`${name}=${cut(String(value), LONGEST)}`] : [];
  });
  const tool = typeof event.tool === 'string' ? asciiOnly(event.tool) : null;
  const place = [event.server, tool].filter((name) => typeof name === 'string').join('.');
  const words = [event.at, String(event.type).padEnd(20), event.actor, place, event.approval ?? '', ...details];
  return printed`${words.filter((word) => word !== '').join('  ')}\n`;
}
