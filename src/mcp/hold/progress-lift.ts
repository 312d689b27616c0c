import { type Json, member } from '../../domain/json/json.ts';
import { textAt, withMember } from '../json/edit.ts';
import { LARGE_MESSAGE } from '../json/large.ts';
import { editData } from '../sse/edit-data.ts';

const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });
const PROGRESS = ['params', 'progress'];
/** Of what a report is above the one before it. */
const STEP = 1e-9;

/**
 * Lifts the first reports of a server above those that the gateway made before it (MCP, Progress: the value must
 * increase). A report that is higher anyway stays as it is, byte for byte, and so does everything after it.
 */
export class ProgressLift {
  #floor = 0;
  #isOver = false;

  /** `floor`: the highest value that the gateway reported. */
  above(floor: number, event: Uint8Array): Uint8Array {
    if (this.#isOver || event.length >= LARGE_MESSAGE) return event;
    this.#floor = Math.max(this.#floor, floor);
    const edited = editData(UTF8.decode(event), (data) => this.#lifted(data));
    return edited === null ? event : new TextEncoder().encode(edited);
  }

  #lifted(data: string): string | null {
    if (!data.includes('progress')) return null;
    let message: Json;
    try {
      message = JSON.parse(data) as Json;
    } catch {
      return null;
    }
    const progress = member(member(message, 'params'), 'progress');
    if (member(message, 'method') !== 'notifications/progress' || typeof progress !== 'number') return null;
    if (progress > this.#floor) {
      this.#isOver = true;
      return null;
    }
    if (textAt(data, PROGRESS) === null) return null;
    this.#floor += STEP;
    return withMember(data, PROGRESS, JSON.stringify(this.#floor));
  }
}
