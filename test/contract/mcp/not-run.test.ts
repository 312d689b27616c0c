import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { provesNothingRan, sendInAnySession, sendOnce } from '../../../src/mcp/upstream/send.ts';
import type { Exchange, ExchangeAnswer, Upstream } from '../../../src/ports.ts';

const SESSION = 'old';

/** What a scripted server answers to the call itself, by status; and whether its old session lives. */
interface Script {
  readonly call: number | ExchangeAnswer;
  /** The body of the call's answer. */
  readonly body?: string;
  readonly sessionLives?: boolean;
  /** It opens no new sessions. */
  readonly closed?: boolean;
  /** It refuses pings in every session. */
  readonly deaf?: boolean;
  readonly notRun?: readonly number[];
}

const UNKNOWN_SESSION =
  '{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: No valid session ID"},"id":null}';

/** A server whose old session is dead unless it lives, and how often the call reached it in which session. */
function serverOf({
  call,
  body = UNKNOWN_SESSION,
  sessionLives = false,
  closed = false,
  deaf = false,
  notRun,
}: Script) {
  const calls: string[] = [];
  const methods: string[] = [];
  const json = (status: number, text: string, headers: [string, string][] = []): ExchangeAnswer => ({
    kind: 'answer',
    status,
    headers: [['content-type', 'application/json'], ...headers],
    body: new TextEncoder().encode(text),
  });
  const exchange = async ({ method, headers, body: sent }: Exchange): Promise<ExchangeAnswer> => {
    const session = headers['mcp-session-id'] ?? 'none';
    if (method === 'DELETE') return json(200, '');
    const message = JSON.parse(new TextDecoder().decode(sent ?? new Uint8Array()));
    const result = (text: string) => `{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},"result":${text}}`;
    methods.push(`${message.method} ${session}`);
    if (message.method === 'initialize')
      return closed
        ? json(503, '')
        : json(200, result('{"protocolVersion":"2025-06-18"}'), [['mcp-session-id', 'new']]);
    if (message.method === 'notifications/initialized') return json(202, '');
    const isDead = session === SESSION && !sessionLives;
    if (message.method === 'ping') return deaf || isDead ? json(400, UNKNOWN_SESSION) : json(200, result('{}'));
    calls.push(session);
    if (session === 'new') return json(200, result('{"content":[]}'));
    return typeof call === 'number' ? json(call, body) : call;
  };
  const upstream: Upstream = {
    kind: 'http',
    exchange,
    close: async () => undefined,
    ...(notRun && { notRun: new Set(notRun) }),
  };
  return { upstream, calls, methods };
}

function requestTo(upstream: Upstream, session: string | null = SESSION) {
  return {
    upstream,
    grant: 'bot',
    headers: session === null ? {} : { 'mcp-session-id': session, 'mcp-protocol-version': '2025-06-18' },
    bytes: new TextEncoder().encode('{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"x"}}'),
    idText: '7',
    onEvent: () => undefined,
  };
}

const RESULT = '{"jsonrpc":"2.0","id":7,"result":{"content":[]}}';
const ERROR = '{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"no"}}';
const REFUSED_HERE: ExchangeAnswer = {
  kind: 'answer',
  status: 400,
  headers: [],
  body: null,
  refusedHere: 'no session',
};

/** What is known, where no new session is made: the outcome of a call that is sent once. */
const TABLE: [what: string, script: Script, session: 'in' | 'without', outcome: string, ran: boolean][] = [
  ['nothing was written', { call: { kind: 'not_sent', why: 'ECONNREFUSED' } }, 'in', 'not_sent', false],
  ['no answer came', { call: { kind: 'lost', why: 'ECONNRESET' } }, 'in', 'unknown', true],
  ['a refusal of our own', { call: REFUSED_HERE }, 'in', 'not_sent', false],
  ['a response', { call: 200, body: RESULT }, 'in', 'returned', true],
  ['200 without a response', { call: 200, body: '{}' }, 'in', 'unknown', true],
  ['401 in a session', { call: 401 }, 'in', 'not_sent', false],
  ['401 without a session', { call: 401, body: ERROR }, 'without', 'not_sent', false],
  ['404 in a dead session', { call: 404 }, 'in', 'not_sent', false],
  ['404 in a session nobody can prove dead', { call: 404, closed: true }, 'in', 'not_sent', false],
  ['404 in a living session', { call: 404, sessionLives: true }, 'in', 'returned', true],
  ['404 without a session', { call: 404 }, 'without', 'returned', true],
  ['400 in a dead session', { call: 400 }, 'in', 'not_sent', false],
  ['400 in a living session', { call: 400, body: ERROR, sessionLives: true }, 'in', 'returned', true],
  ['400 where no session can be opened', { call: 400, closed: true }, 'in', 'returned', true],
  ['400 of a server that refuses every ping', { call: 400, deaf: true }, 'in', 'returned', true],
  ['400 without a session', { call: 400 }, 'without', 'returned', true],
  ['403', { call: 403 }, 'in', 'returned', true],
  ['409', { call: 409 }, 'in', 'returned', true],
  ['429', { call: 429 }, 'in', 'returned', true],
  ['429, which is not_run', { call: 429, notRun: [429, 503] }, 'in', 'not_sent', false],
  ['500', { call: 500 }, 'in', 'unknown', true],
  ['503', { call: 503 }, 'in', 'unknown', true],
  ['503, which is not_run', { call: 503, notRun: [429, 503] }, 'without', 'not_sent', false],
  ['502 beside not_run', { call: 502, notRun: [429, 503] }, 'in', 'unknown', true],
  ['307', { call: 307 }, 'in', 'returned', true],
];

describe('P2: what is known of a call after', () => {
  for (const [what, script, place, outcome, ran] of TABLE) {
    test(what, async () => {
      const session = place === 'in' ? SESSION : null;
      const { upstream, calls } = serverOf(script);
      const sent = await sendOnce(requestTo(upstream, session));
      assert.equal(sent.outcome.kind, outcome, JSON.stringify(sent.outcome));
      assert.equal(calls.length, 1, 'it is sent once');
      if (typeof script.call !== 'number') {
        assert.equal(await provesNothingRan(requestTo(upstream, session), script.call), !ran);
        return;
      }
      const answer = { kind: 'answer', status: script.call, headers: [], body: null } as const;
      assert.equal(await provesNothingRan(requestTo(upstream, session), answer), !ran, 'the quota comes back with it');
    });
  }
});

describe('P2: a call whose session is proven dead', () => {
  for (const call of [400, 404]) {
    test(`is sent in a new session, once, after a ${call}`, async () => {
      const { upstream, calls, methods } = serverOf({ call });
      const { outcome } = await sendInAnySession(requestTo(upstream));
      assert.deepEqual(calls, [SESSION, 'new']);
      assert.equal(outcome.kind, 'returned');
      assert.match((outcome.kind === 'returned' && outcome.note) || '', /in a new session/);
      assert.deepEqual(methods.slice(1), [
        `ping ${SESSION}`,
        'initialize none',
        'notifications/initialized new',
        'ping new',
        'tools/call new',
      ]);
    });
  }

  for (const [what, script] of [
    ['lives', { call: 400, sessionLives: true }],
    ['lives, after a 404', { call: 404, sessionLives: true }],
    ['cannot be replaced', { call: 400, closed: true }],
    ['is refused like every other', { call: 400, deaf: true }],
    ['was used for a call that may have run', { call: 503 }],
  ] as const) {
    test(`a call whose session ${what} is not sent again`, async () => {
      const { upstream, calls } = serverOf(script);
      await sendInAnySession(requestTo(upstream));
      assert.deepEqual(calls, [SESSION]);
    });
  }

  test('a call over stdio is not: its child is gone with all that it knew', async () => {
    const { upstream, calls } = serverOf({ call: { ...REFUSED_HERE, status: 404 } as ExchangeAnswer });
    const { outcome, sessionLost } = await sendInAnySession(requestTo({ ...upstream, kind: 'stdio' }));
    assert.deepEqual([outcome.kind, sessionLost, calls], ['not_sent', true, [SESSION]]);
  });
});
