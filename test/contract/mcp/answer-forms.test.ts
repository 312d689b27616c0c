import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import {
  brotliCompressSync,
  constants,
  createGzip,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib';
import { hidingEdit } from '../../../src/mcp/relay/hide-tools.ts';
import { tap } from '../../../src/mcp/relay/tap.ts';
import { sendOnce } from '../../../src/mcp/upstream/send.ts';
import type { UpstreamAnswer } from '../../../src/ports.ts';

const MARK = '\ufeff';
const RESULT = '{"jsonrpc":"2.0","id":7,"result":{"content":[],"n":9007199254740993}}';
const LIST = '{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"seen"},{"name":"wipe"}]}}';
const PACKERS = {
  gzip: gzipSync,
  'x-gzip': gzipSync,
  GZip: gzipSync,
  deflate: deflateSync,
  'deflate ': deflateRawSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
} as const;

/** How the body comes: in one piece, or as a stream of short ones. */
type Pieces = 'whole' | 'pieces';

function answerOf(text: string | Uint8Array, headers: Record<string, string>, pieces: Pieces): UpstreamAnswer {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : new Uint8Array(text);
  const size = bytes.length > 10_000 ? 50_000 : 7;
  const cut = Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) => bytes.slice(n * size, (n + 1) * size));
  const body = pieces === 'whole' ? bytes : streamOf(cut);
  return { kind: 'answer', status: 200, headers: Object.entries(headers), body };
}

function streamOf(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  return Readable.toWeb(Readable.from(chunks)) as ReadableStream<Uint8Array>;
}

/** What a held call makes of the answer, with the events that were passed on before it. */
async function held(answer: UpstreamAnswer) {
  const events: string[] = [];
  const sent = await sendOnce({
    upstream: { kind: 'http', exchange: async () => answer, close: async () => undefined },
    grant: 'bot',
    headers: {},
    bytes: new Uint8Array(),
    idText: '7',
    onEvent: (event) => void events.push(new TextDecoder('utf-8', { ignoreBOM: true }).decode(event)),
  });
  const { outcome } = sent;
  return { ...sent, events, text: outcome.kind === 'returned' ? new TextDecoder().decode(outcome.response) : null };
}

const ANSWERS: [form: string, body: string, type: string][] = [
  ['JSON', RESULT, 'application/json'],
  ['JSON behind a byte order mark', `${MARK}${RESULT}`, 'application/json'],
  ['JSON with blanks around it', `\n\t ${RESULT}\r\n`, 'application/json; charset=UTF-8'],
  ['a list of one', ` [${RESULT}]`, 'application/json'],
  ['a list of one behind a byte order mark', `${MARK}[ ${RESULT} ]`, 'Application/JSON'],
  ['a list with other messages', `[{"jsonrpc":"2.0","method":"x"},${RESULT}]`, 'application/json'],
  ['the id as its text', RESULT.replace('"id":7', '"id":"7"'), 'application/json'],
  ['an event', `data: ${RESULT}\n\n`, 'text/event-stream'],
  ['a type in other case', `data: ${RESULT}\n\n`, 'Text/Event-Stream'],
  ['a type with parameters', `data: ${RESULT}\n\n`, ' TEXT/event-stream ; charset=utf-8'],
  ['a stream behind a byte order mark', `${MARK}data: ${RESULT}\n\n`, 'text/event-stream'],
  ['data behind a byte order mark', `data: ${MARK}${RESULT}\n\n`, 'text/event-stream'],
  ['an event that is a list', `data: [${RESULT}]\n\n`, 'text/event-stream'],
];

describe('P2: the answer to an approved call is read as the official SDKs read it', () => {
  for (const [form, body, type] of ANSWERS) {
    for (const pieces of ['whole', 'pieces'] as const) {
      test(`${form}, ${pieces}`, async () => {
        const { outcome, text } = await held(answerOf(body, { 'content-type': type }, pieces));
        assert.equal(outcome.kind, 'returned', JSON.stringify(outcome));
        assert.deepEqual(JSON.parse(text ?? ''), JSON.parse(body.includes('"7"') ? body : RESULT));
        assert.ok(text?.includes('9007199254740993'), 'its own bytes');
      });
    }
  }

  for (const [coding, pack] of Object.entries(PACKERS)) {
    for (const pieces of ['whole', 'pieces'] as const) {
      test(`packed as ${coding}, ${pieces}`, async () => {
        const json = { 'content-type': 'application/json', 'content-encoding': coding };
        assert.equal((await held(answerOf(pack(RESULT), json, pieces))).text, RESULT);
        const stream = { 'content-type': 'text/event-stream', 'content-encoding': coding };
        const { text, events } = await held(
          answerOf(pack(`${MARK}data: {"a":1}\n\ndata: ${RESULT}\n\n`), stream, pieces),
        );
        assert.equal(text, RESULT);
        assert.deepEqual(
          events,
          ['data: {"a":1}\n\n'],
          'without the mark, which is dropped only at the start of a stream',
        );
      });
    }
  }

  test('packed twice', async () => {
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip, br' };
    assert.equal((await held(answerOf(brotliCompressSync(gzipSync(RESULT)), headers, 'whole'))).text, RESULT);
  });

  test('the messages of a list that come with the response are passed on before it', async () => {
    const notice = '{"jsonrpc":"2.0","method":"notifications/message","params":{"n":1.50}}';
    for (const [body, type] of [
      [`[${notice},${RESULT}]`, 'application/json'],
      [`data: [${notice},${RESULT}]\n\n`, 'text/event-stream'],
    ] as const) {
      const { events, text } = await held(answerOf(body, { 'content-type': type }, 'pieces'));
      assert.deepEqual([events, text], [[`event: message\ndata: ${notice}\n\n`], RESULT]);
    }
  });

  test('what cannot be read ends as unknown, with words that say why', async () => {
    const json = (coding: string) => ({ 'content-type': 'application/json', 'content-encoding': coding });
    const bomb = gzipSync(new Uint8Array(70 * 1024 * 1024).fill(0x20));
    for (const [body, headers, words] of [
      [RESULT, json('compress'), /packed in a way that cannot be undone here \(compress\)/],
      [RESULT, json('gzip, gzip, gzip'), /too many codings/],
      [RESULT, json('gzip'), /it cannot be unpacked \(Z_DATA_ERROR\)/],
      [bomb, json('gzip'), /more than 64 MiB/],
      [RESULT, { 'content-type': 'application/json; charset=utf-16' }, /not in UTF-8/],
      [RESULT.slice(1), { 'content-type': 'application/json' }, /without a response/],
    ] as const) {
      const { outcome } = await held(answerOf(body, headers, 'pieces'));
      assert.equal(outcome.kind, 'unknown');
      assert.match(outcome.kind === 'unknown' ? outcome.why : '', words);
    }
  });
});

const HIDE = hidingEdit((tool) => tool === 'wipe');
const INSTEAD = '{"jsonrpc":"2.0","id":7,"error":{"code":502,"message":"no"}}';

async function tapped(answer: UpstreamAnswer): Promise<string> {
  const edited = await tap(answer, HIDE, { instead: INSTEAD });
  if (edited.kind === 'unreadable') return `unreadable: ${edited.why}`;
  assert.ok(!edited.headers.some(([name]) => name === 'content-encoding'), 'it is no longer packed');
  return new Response(edited.body as BodyInit | null).text();
}

describe('a list from which something is hidden', () => {
  const lists: [form: string, body: string, type: string][] = ANSWERS.filter(([, body]) => !body.includes('"7"')).map(
    ([form, body, type]) => [form, body.replace(RESULT, LIST), type],
  );
  for (const [form, body, type] of lists) {
    for (const pieces of ['whole', 'pieces'] as const) {
      test(`${form}, ${pieces}`, async () => {
        const text = await tapped(answerOf(body, { 'content-type': type }, pieces));
        assert.ok(text.includes('seen') && !text.includes('wipe'), text);
      });
    }
  }

  for (const [coding, pack] of Object.entries(PACKERS)) {
    test(`packed as ${coding}`, async () => {
      for (const [body, type] of [
        [LIST, 'application/json'],
        [`data: ${LIST}\n\n`, 'text/event-stream'],
      ] as const) {
        const headers = { 'content-type': type, 'content-encoding': coding };
        const text = await tapped(answerOf(pack(body), headers, 'pieces'));
        assert.ok(text.includes('seen') && !text.includes('wipe'), text);
      }
    });
  }

  test('is never passed on where it cannot be read', async () => {
    const broken = LIST.replace('{"name":"seen"}', '{"name":"seen",}');
    const large = `${LIST.slice(0, -1)},"x":"${'x'.repeat(2 * 1024 * 1024)}"`;
    for (const [body, headers] of [
      [broken, { 'content-type': 'application/json' }],
      [`${LIST}${LIST}`, { 'content-type': 'application/json' }],
      [Buffer.from(LIST, 'utf16le'), { 'content-type': 'application/json' }],
      [Buffer.from(LIST, 'utf16le'), { 'content-type': 'text/event-stream; charset=utf-16' }],
      [`data: ${broken}\n\n`, { 'content-type': 'text/event-stream' }],
      [`data: ${MARK}${MARK}${LIST}\n\n`, { 'content-type': 'text/event-stream' }],
      [large, { 'content-type': 'application/json' }],
      [`data: ${large}\n\n`, { 'content-type': 'text/event-stream' }],
      [LIST, { 'content-type': 'application/json', 'content-encoding': 'compress' }],
      [gzipSync(LIST).subarray(0, 20), { 'content-type': 'application/json', 'content-encoding': 'gzip' }],
      [LIST, { 'content-type': 'application/json', 'content-encoding': 'gzip' }],
    ] as const) {
      for (const pieces of ['whole', 'pieces'] as const) {
        const text = await tapped(answerOf(body, headers, pieces));
        assert.ok(!text.includes('wipe'), text.slice(0, 200));
        assert.ok(
          text === '' || text.startsWith('unreadable: ') || text === `event: message\ndata: ${INSTEAD}\n\n`,
          text.slice(0, 200),
        );
      }
    }
  });

  test('a stream that is compressed event by event passes event by event', async () => {
    const seen = Promise.withResolvers<void>();
    const gzip = createGzip({ flush: constants.Z_SYNC_FLUSH });
    const packed = gzip[Symbol.asyncIterator]();
    const body = streamOf(
      (async function* () {
        for (const event of [`data: ${LIST}\n\n`, 'data: {"second":1}\n\n']) {
          gzip.write(event);
          yield new Uint8Array((await packed.next()).value as Buffer);
          if (event.includes('tools')) await seen.promise;
        }
      })(),
    );
    const headers = { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' };
    const edited = await tap({ kind: 'answer', status: 200, headers: Object.entries(headers), body }, HIDE, {
      instead: null,
    });
    assert.equal(edited.kind, 'answer');
    const reader = ((edited as UpstreamAnswer).body as ReadableStream<Uint8Array>).getReader();
    assert.match(new TextDecoder().decode((await reader.read()).value), /seen/);
    seen.resolve();
    assert.match(new TextDecoder().decode((await reader.read()).value), /second/);
    await reader.cancel();
  });
});
