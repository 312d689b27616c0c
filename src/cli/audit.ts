import { parseArgs } from 'node:util';
import { isObject, type Json } from '../domain/json.ts';
import { Misuse, type Terminal } from '../main/process/terminal.ts';
import { auditVerify, ownKeys } from './audit-verify.ts';

const USAGE = `holdfast audit list [--type T] [--server S] [--tool T] [--grant G] [--approver U0MIRA|admin]
                  [--since TIME] [--until TIME] [--state S] [--text WORDS] [--limit N]
  holdfast audit tail                 events as they are sealed
  holdfast audit export [--cards] > FILE
                                      everything, as JSON Lines; with what each card showed
  holdfast audit key                  the public key that checkpoints are signed with
  holdfast audit verify [--export FILE|-] [--key FILE|HEX …] [--checkpoints FILE …] [--data DIR]
  list, tail and export take --url (default http://127.0.0.1:8787), HOLDFAST_ADMIN_TOKEN, and --json for programs`;

const FILTERS = ['type', 'server', 'tool', 'grant', 'approver', 'since', 'until', 'state', 'text'] as const;

const OPTIONS = {
  ...(Object.fromEntries(FILTERS.map((name) => [name, { type: 'string' }])) as Record<
    (typeof FILTERS)[number],
    { type: 'string' }
  >),
  url: { type: 'string' },
  limit: { type: 'string' },
  data: { type: 'string' },
  export: { type: 'string' },
  database: { type: 'boolean', default: false },
  key: { type: 'string', multiple: true },
  checkpoints: { type: 'string', multiple: true },
  cards: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;

/** `audit`: looks at the log over HTTP, and verifies it without any gateway. */
export async function auditCommand(argv: string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = parseArgs({ args: argv, allowPositionals: true, options: OPTIONS });
  const [verb, ...rest] = positionals;
  if (rest.length > 0) throw new Misuse(`Use: ${USAGE}`);
  const data = values.data ?? (terminal.env.HOLDFAST_DATA || '.holdfast');
  switch (verb) {
    case 'verify': {
      if (values.database && values.export !== undefined) throw new Misuse('Give --database or --export, not both.');
      const { key = [], checkpoints = [], json } = values;
      return auditVerify({ export: values.export, keys: key, checkpoints, data, json }, terminal);
    }
    case 'key':
      return showKeys(
        values.url === undefined ? ownKeys(data, terminal) : await theirKeys(values.url, terminal),
        terminal,
      );
    case 'list':
      return list(new RunningGateway(values.url, terminal), values, terminal);
    case 'tail':
      return tail(new RunningGateway(values.url, terminal), values.json, terminal);
    case 'export':
      return exportTo(new RunningGateway(values.url, terminal), values.cards, terminal);
    default:
      throw new Misuse(`Use: ${USAGE}`);
  }
}

/** Requests to a running gateway, with the admin token. */
class RunningGateway {
  readonly #url: string;
  readonly #token: string;

  constructor(url: string | undefined, { env }: Terminal) {
    this.#url = (url ?? env.HOLDFAST_PUBLIC_URL ?? 'http://127.0.0.1:8787').replace(/\/+$/, '');
    if (!env.HOLDFAST_ADMIN_TOKEN) throw new Misuse('Set HOLDFAST_ADMIN_TOKEN to the gateway’s admin token.');
    this.#token = env.HOLDFAST_ADMIN_TOKEN;
  }

  /** Throws with the gateway's own words when it refuses. */
  async get(path: string): Promise<Response> {
    const headers = { authorization: `Bearer ${this.#token}` };
    const answer = await fetch(this.#url + path, { headers, redirect: 'error' }).catch(() => {
      throw new Error(`${this.#url} does not answer. Is the gateway running, and is --url right?`);
    });
    if (answer.ok) return answer;
    const said = (await answer.json().catch(() => ({}))) as { reason?: string };
    throw new Error(`${printable(said.reason ?? 'The gateway refused.')} (HTTP ${answer.status})`);
  }

  async page(path: string): Promise<{ items: Event[]; next: string | null }> {
    return (await (await this.get(path)).json()) as { items: Event[]; next: string | null };
  }
}

interface Event {
  readonly [name: string]: Json;
}

type AuditFilters = { readonly [name in (typeof FILTERS)[number] | 'limit']?: string | undefined } & {
  readonly json: boolean;
};

const MOST = 500;

async function list(asking: RunningGateway, values: AuditFilters, terminal: Terminal): Promise<number> {
  const wanted = Number(values.limit ?? 50);
  if (!Number.isInteger(wanted) || wanted < 1) throw new Misuse('--limit is a whole number, 1 or more.');
  const query = new URLSearchParams();
  for (const name of FILTERS) if (values[name]) query.set(name, values[name]);
  // A search is newest first; without a filter this one leaves nothing out.
  if (query.size === 0) query.set('since', '1970-01-01T00:00:00Z');
  let left = wanted;
  while (left > 0) {
    query.set('limit', String(Math.min(left, MOST)));
    const { items, next } = await asking.page(`/api/events?${query}`);
    for (const event of items) terminal.out(lineOf(event, values.json));
    left -= items.length;
    if (next === null) break;
    query.set('before', next);
  }
  if (left === wanted && !values.json) terminal.err('No such event.\n');
  return 0;
}

async function tail(asking: RunningGateway, json: boolean, terminal: Terminal): Promise<number> {
  let { next } = await asking.page('/api/events/tail');
  for (;;) {
    const page = await asking.page(`/api/events/tail?after=${next}&wait=25`);
    for (const event of page.items) terminal.out(lineOf(event, json));
    next = page.next;
  }
}

async function exportTo(asking: RunningGateway, cards: boolean, terminal: Terminal): Promise<number> {
  const { body } = await asking.get(`/api/events/export${cards ? '?cards=1' : ''}`);
  const text = new TextDecoder();
  for await (const chunk of body!) {
    terminal.out(text.decode(chunk, { stream: true }));
    // A slow reader slows the gateway's reading; it fills nobody's memory.
    await terminal.drained?.();
  }
  return 0;
}

async function theirKeys(url: string, terminal: Terminal): Promise<string[]> {
  const said = (await (await new RunningGateway(url, terminal).get('/api/checkpoints')).json()) as { keys: string[] };
  return said.keys.map(printable);
}

function showKeys(keys: readonly string[], terminal: Terminal): number {
  if (keys.length === 0) throw new Misuse('Set HOLDFAST_SECRET, or give --data DIR or --url of the gateway.');
  terminal.out(`${keys.join('\n')}\n`);
  return 0;
}

/** One event on one line. */
function lineOf(event: Event, json: boolean): string {
  if (json) return `${JSON.stringify(event)}\n`;
  const data: Json = event.data ?? null;
  const told = isObject(data) ? ['choice', 'reason', 'why', 'note', 'rule', 'status', 'state'] : [];
  const more = told.flatMap((name) => {
    const value = isObject(data) ? data[name] : null;
    return typeof value === 'string' || typeof value === 'number' ? [`${name}=${value}`] : [];
  });
  const place = [event.server, event.tool].filter((one) => typeof one === 'string').join('.');
  const words = [event.at, String(event.type).padEnd(20), event.actor, place, event.approval ?? '', ...more];
  return `${printable(words.filter((word) => word !== '').join('  '))}\n`;
}

/** Values come from agents: no control character of theirs reaches the terminal. */
function printable(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, '?');
}
