import type { Answer, DayGateway } from './gateway.ts';
import { type Act, kindOf, type Waiting } from './person.ts';

/** An action that was taken, and what the gateway answered. */
export interface Acted {
  /** `told otherwise`: nothing was decided, because a call had changed since it was shown. That was an action too. */
  readonly kind: Act['kind'] | 'told otherwise';
  /** Approvals that it decided. */
  readonly approvals: readonly string[];
}

export interface Inbox {
  /** Oldest first, all of it, as the console's inbox shows it. */
  readonly waiting: readonly Waiting[];
  /** Agent and tool of the allowances that live. */
  readonly allowed: ReadonlySet<string>;
}

/** `readMs`: what came in the last so many milliseconds is not read yet. */
export async function readInbox({ api }: DayGateway, readMs: number): Promise<Inbox> {
  const pending = await pages<Waiting & { createdAt: string }>(api, '/api/approvals?state=pending');
  const waiting = pending.filter(({ createdAt }) => readMs === 0 || Date.parse(createdAt) < Date.now() - readMs);
  const living = await pages<Waiting & { left: number }>(api, '/api/allowances?state=living');
  const allowed = living.filter(({ left }) => left > 0).map(kindOf);
  return { waiting: waiting.reverse(), allowed: new Set(allowed) };
}

/** Everything that a list of the API has. */
export async function pages<T>(api: DayGateway['api'], path: string): Promise<T[]> {
  const all: T[] = [];
  let after: string | null = '';
  while (after !== null) {
    const query: string = `${path.includes('?') ? '&' : '?'}limit=500${after === '' ? '' : `&after=${encodeURIComponent(after)}`}`;
    const { status, json }: Answer<Page<T>> = await api<Page<T>>('GET', path + query);
    if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(json)}`);
    all.push(...json.items);
    after = json.next;
  }
  return all;
}

interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

const REFUSAL = 'This is not what the agent is there for.';

/** Does it, each time by the fingerprint that was shown. Any other refusal than that something has changed is a fault of the bench. */
export async function perform(gateway: DayGateway, act: Act): Promise<Acted> {
  const items = 'items' in act ? act.items : [act.item];
  const approvals = items.map(({ id }) => id);
  const { status, json } = await ('items' in act
    ? gateway.api('POST', '/api/decisions', batchBody(act))
    : gateway.api('POST', `/api/approvals/${act.item.id}/decisions`, {
        ...bodyOf(act),
        fingerprint: act.item.fingerprint,
      }));
  if (status === 409) return { kind: 'told otherwise', approvals: [] };
  if (status !== 200) throw new Error(`${act.kind} of ${approvals.join(', ')}: ${status} ${JSON.stringify(json)}`);
  return { kind: act.kind, approvals };
}

function bodyOf(act: Exclude<Act, { readonly items: unknown }>): object {
  switch (act.kind) {
    case 'allowance':
      return { decision: 'approve', allowance: { minutes: act.minutes, calls: act.calls } };
    case 'approve':
      return { decision: 'approve' };
    case 'deny':
      return { decision: 'deny', reason: REFUSAL };
    case 'standing denial':
      return { decision: 'deny', reason: REFUSAL, standing: { minutes: act.minutes } };
    default:
      return act satisfies never;
  }
}

function batchBody({ kind, items }: Extract<Act, { readonly items: unknown }>): object {
  const ticked = items.map(({ id, fingerprint, revision }) => ({ id, fingerprint, revision }));
  if (kind === 'batch approved') return { decision: 'approve', items: ticked };
  return { decision: 'deny', reason: REFUSAL, items: ticked };
}
