import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { member } from '../../../src/domain/json/json.ts';
import type { Gateway } from '../../../src/gateway/gateway.ts';
import type { AgentAnswer, ToolCallRequest } from '../../../src/mcp/door/call-door.ts';
import type { HeldAnswer } from '../../../src/mcp/hold/answer.ts';
import { ElicitedReasons } from '../../../src/mcp/hold/elicited-reasons.ts';
import { eventually } from '../../support/wait.ts';

const CALL = { principal: { grant: 'bot' }, server: 's', session: 'one', idText: '1' } as unknown as ToolCallRequest;
const WHAT = { server: 's', tool: 't', argument: false };
const ENCODER = new TextEncoder();

/** Keys of one deployment: what one replica seals another opens, for the same row only. */
const vault = {
  seal: (_kind: string, row: string, bytes: Uint8Array) =>
    ENCODER.encode(JSON.stringify([row, Buffer.from(bytes).toString('base64'), randomBytes(4).toString('hex')])),
  open: (_kind: string, row: string, sealed: Uint8Array) => {
    const [sealedRow, text] = JSON.parse(new TextDecoder().decode(sealed)) as [string, string];
    if (sealedRow !== row) throw new Error('sealed for another row');
    return Buffer.from(text, 'base64');
  },
  digest: (_kind: string, text: string) => `digest of ${text}`,
};

function world() {
  const kept = new Map<string, Uint8Array>();
  const warnings: string[] = [];
  let now = Date.now();
  const gateway = {
    vault,
    clock: { now: () => new Date(now) },
    log: { warn: (_: object, what: string) => warnings.push(what) },
    tasks: {
      giveReason: async (key: string, reason: Uint8Array) => void (kept.has(key) || kept.set(key, reason)),
      takeReason: async (key: string) => {
        const reason = kept.get(key) ?? null;
        kept.delete(key);
        return reason;
      },
    },
  } as unknown as Gateway;
  return {
    kept,
    warnings,
    later: (ms: number) => {
      now += ms;
    },
    replica: () => new ElicitedReasons(gateway),
  };
}

function stream() {
  const gone = new AbortController();
  const messages: string[] = [];
  const answer = { readerGone: gone.signal, message: (json: string) => messages.push(json) };
  const asked = () => JSON.parse(messages[0]!) as { id: string; method: string };
  return { answer: answer as unknown as HeldAnswer, asked, leave: () => gone.abort() };
}

function answerTo(id: string, reason: string, more: object = {}): AgentAnswer {
  const message = { jsonrpc: '2.0', id, result: { action: 'accept', content: { reason } } };
  return { ...CALL, idText: JSON.stringify(id), message, ...more } as unknown as AgentAnswer;
}

describe('A reason that a session’s client is asked for', () => {
  test('P4: may be given to another replica, which keeps it sealed for the one that asked', async () => {
    const { replica, kept } = world();
    const [asking, other] = [replica(), replica()];
    const at = stream();
    const given = asking.ask(CALL, WHAT, at.answer, 60_000);
    const { id, method } = at.asked();
    assert.equal(method, 'elicitation/create');
    assert.equal((await other.take(answerTo(id, 'the first')))?.status, 202);
    await other.take(answerTo(id, 'the second'));
    assert.equal([...kept.keys()].join().includes(id), true);
    assert.deepEqual(await given, { reason: 'the first' });
    await eventually('it is taken', () => (kept.size === 0 ? true : null));
  });

  test('is taken only from its own grant, server and session, while it may be asked', async () => {
    const { replica, kept, later } = world();
    const asking = replica();
    const at = stream();
    const given = asking.ask(CALL, WHAT, at.answer, 60_000);
    const { id } = at.asked();
    const others = [{ session: 'two' }, { server: 'x' }, { principal: { grant: 'other' } }, { session: null }];
    for (const other of others) assert.equal((await asking.take(answerTo(id, 'x', other)))?.status, 400);
    assert.equal((await asking.take(answerTo(`${id.slice(0, -6)}AAAAAA`, 'x')))?.status, 400);
    assert.equal((await asking.take(answerTo(`holdfast.reason.${'A'.repeat(2_000)}`, 'x')))?.status, 400);
    assert.equal(await asking.take(answerTo('a server’s own', 'x')), null);
    later(11 * 60_000);
    assert.equal((await asking.take(answerTo(id, 'x')))?.status, 400);
    assert.equal(kept.size, 0);
    at.leave();
    assert.match(String(member((await given) as never, 'why')), /gone/);
  });

  test('what somebody else put into the store is no reason', async () => {
    const { replica, kept, warnings } = world();
    const at = stream();
    const given = replica().ask(CALL, WHAT, at.answer, 60_000);
    kept.set(`digest of ${at.asked().id}`, ENCODER.encode(JSON.stringify(['other', 'eA==', ''])));
    await eventually('it is looked at', () => (warnings.length > 0 ? true : null));
    at.leave();
    assert.equal(member((await given) as never, 'reason'), undefined);
  });

  test('forms of one grant are bounded, end in time and when the process stops', async () => {
    const { replica } = world();
    const asking = replica();
    const asked = Array.from({ length: 20 }, () => asking.ask(CALL, WHAT, stream().answer, 60_000));
    assert.deepEqual([asking.hasRoom('bot'), asking.hasRoom('other')], [false, true]);
    assert.equal(asking.isAsking({ grant: 'bot', server: 's', session: 'one', idText: '1' }), true);
    assert.equal(asking.isAsking({ grant: 'bot', server: 's', session: 'one', idText: '"1"' }), false);
    assert.deepEqual([[...asking.askedIn('s', 'one')], asking.askedIn('s', 'two').size], [['1'], 0]);
    assert.match(String(member((await asking.ask(CALL, WHAT, stream().answer, 1)) as never, 'why')), /not answered/);
    asking.stop();
    for (const one of await Promise.all(asked)) assert.match(String(member(one as never, 'why')), /stops/);
    assert.equal(asking.hasRoom('other'), false);
  });
});
