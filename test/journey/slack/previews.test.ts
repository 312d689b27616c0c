import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Agent } from '../../support/agent/agent.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  list_keys:
    risk: read
    limits: [{ counter: lists, window: day, max: 12 }]
    deny_if: [{ path: args.team, op: eq, value: closed }]
  create_key:
    risk: write
    action: require_approval
    redact: [args.seed]
    approval: { preview: { tool: list_keys, args: { team: "{args.team}", limit: "{args.limit}", note: "for {args.name}" } } }
  edit_file: { risk: write, action: require_approval }
  send_money:
    risk: write
    action: require_approval
    approval: { usual: { destinations: [args.payee], amounts: [args.amount] } }
`;
const HIDDEN = `version: "1"
default: deny
tools:
  echo: { risk: read }
  add: { risk: write, action: require_approval, approval: { preview: { tool: echo, args: { said: "{args.message}" } } } }
`;
const STDIO = fileURLToPath(new URL('../../support/upstream/sdk-stdio.ts', import.meta.url));

let upstream: CountingUpstream;
let house: House;
let gateway: GatewayProcess;
let agent: Agent;

before(async () => {
  upstream = await countingUpstream();
  house = await openHouse({
    servers: {
      keys: { at: `url: "${upstream.url}", headers: { x-team-key: of-the-config }`, policy: POLICY },
      child: { at: `command: [${JSON.stringify(process.execPath)}, ${JSON.stringify(STDIO)}]`, policy: HIDDEN },
    },
    approval:
      '{ timeout: 30m, pickup: 30s, max_pending: 80, openings: 400/minute, hold: { default: 300ms, progress: 10m }, approvers: [security] }',
    grants: ['release-bot', 'other-bot'],
  });
  gateway = await house.start();
  agent = await Agent.open(`${gateway.url}/mcp/keys`, house.tokens['release-bot']!);
});
after(async () => {
  await house.close();
  await upstream.close();
});

interface Told {
  readonly unusual: readonly string[];
  readonly preview: {
    readonly kind: string;
    readonly text?: string;
    readonly why?: string;
    readonly omitted?: number;
    readonly failed?: boolean;
  } | null;
}

/** Asks, and waits for the card; says what it shows, and what the API says of it. */
async function asked(
  tool: string,
  args: Record<string, unknown>,
  by = agent,
): Promise<{ card: string; told: Told; id: string; ms: number }> {
  const from = performance.now();
  void by.call(tool, args).answer.catch(() => undefined);
  const found = await gateway.pending(tool, args.name === undefined ? {} : { name: args.name });
  const message = await house.card(found.id, /./, 10_000);
  const ms = performance.now() - from;
  const told = (await gateway.approval(found.id)) as unknown as Told;
  return { card: JSON.stringify(message.blocks), told, id: found.id, ms };
}

const says = (ending: Awaited<ReturnType<CountingUpstream['behave']>> | Promise<never>): void => {
  upstream.behave = (call) => (call.tool === 'list_keys' ? ending : { text: 'done' });
};

test('P7: a preview is called with values of the call, in a session of its own, and its answer stands on the card as the server’s word', async () => {
  says({ text: '3 keys: *bold* <@U0MIRA>\u202e\napi_token: hunter2hunter2\nseed was s3cr3t-seed-value' });
  // On a machine that is busy the first ones may take longer than a preview has.
  const { card, told, id } = await eventually(
    'a preview',
    async () => {
      const name = `first${upstream.count('list_keys')}`;
      const one = await asked('create_key', { name, team: 'web', limit: 5, seed: 's3cr3t-seed-value' });
      return one.told.preview?.kind === 'said' ? one : null;
    },
    60_000,
  );
  assert.match(card, /the server says by /);
  assert.match(card, /3 keys: \*bold\* <@U0MIRA>\\\\u202e/, 'as data, and what deceives is visible');
  assert.ok(
    !card.includes('hunter2') && !card.includes('s3cr3t'),
    'what looks secret, and what the call hides, is hidden',
  );
  assert.equal(told.preview?.text, '3 keys: *bold* <@U0MIRA>\u202e\napi_token: [redacted]\nseed was [redacted]');
  const [call] = upstream.calls.filter(({ tool }) => tool === 'list_keys');
  assert.deepEqual(call?.args, { team: 'web', limit: 5, note: 'for first0' }, 'types are kept');
  assert.notEqual(call?.session, agent.session);
  assert.ok(upstream.heard.includes('x-team-key: of-the-config'));
  const events = await gateway.events(id);
  const types = events.map(({ type }) => type);
  assert.ok(types.indexOf('call.previewed') > types.indexOf('approval.requested'));
  assert.ok(types.indexOf('approval.described') > types.indexOf('call.previewed'));
  assert.ok(types.indexOf('card.posted') > types.indexOf('approval.described'), 'the first card has it');
  const log = JSON.stringify(events);
  assert.ok(!log.includes('3 keys'), 'an event has no result');
});

test('P8: a value that the policy hides is given to no other tool', async () => {
  const before = upstream.count('list_keys');
  says({ text: 'x' });
  const { told } = await asked('create_key', { name: 'api', team: '[redacted]', limit: 1 });
  assert.match(told.preview?.why ?? '', /args\.team is hidden/);
  assert.equal(upstream.count('list_keys'), before);
});

test('what the policy denies, what lacks a value, what errs and what sends too much is not shown, and the card says why', async () => {
  says({ text: 'x'.repeat(40 * 1024 * 1024) });
  const huge = await asked('create_key', { name: 'huge', team: 'web', limit: 1 });
  assert.match(huge.card, /was not shown: .*(its answer is longer than 256 KiB|did not answer within 3 s)/);
  says({ text: 'x'.repeat(300 * 1024) });
  const long = await asked('create_key', { name: 'long', team: 'web', limit: 1 });
  assert.match(long.card, /was not shown: .*its answer is longer than 256 KiB/);
  says({ status: 500 });
  assert.match((await asked('create_key', { name: 'err', team: 'web', limit: 1 })).card, /the server answered 500/);
  says('reset');
  assert.match((await asked('create_key', { name: 'cut', team: 'web', limit: 1 })).card, /was not shown/);
  assert.match((await asked('create_key', { name: 'none', limit: 1 })).card, /the call has no args\.team/);
  assert.match(
    (await asked('create_key', { name: 'closed', team: 'closed', limit: 1 })).card,
    /the policy does not allow this call of it/,
  );
  says({ text: 'y\n'.repeat(4_000), isError: true });
  const cut = await asked('create_key', { name: 'cut2', team: 'web', limit: 1 });
  assert.match(cut.card, /which it calls an error, without its last 4,000 characters/);
  assert.equal(cut.told.preview?.text?.length, 4_000);
});

test('P5: a server that hangs delays its cards by 3 s, and no other card', async () => {
  says(new Promise<never>(() => undefined));
  const hung = Array.from({ length: 5 }, (_, n) => asked('create_key', { name: `hung${n}`, team: 'web', limit: n }));
  const other = await Agent.open(`${gateway.url}/mcp/keys`, house.tokens['other-bot']!);
  const { ms } = await asked('edit_file', { name: 'quick' }, other);
  assert.ok(ms < 2_500, `${ms} ms`);
  for (const { card, ms: took } of await Promise.all(hung)) {
    assert.match(card, /the server did not answer within 3 s|too many previews/);
    assert.ok(took < 8_000, `${took} ms`);
  }
});

test('P5: a preview counts in the limits of its tool, and a full one asks the server nothing', async () => {
  says({ text: 'listed' });
  await eventually(
    'the limit is full',
    async () => {
      const name = `many${upstream.count('list_keys')}`;
      const { told } = await asked('create_key', { name, team: 'web', limit: 1 });
      return /a limit of the policy is full/.test(told.preview?.why ?? '') ? true : null;
    },
    60_000,
  );
  assert.ok(upstream.count('list_keys') <= 12);
});

test('a server that is a command is asked too, in one process for each grant', async () => {
  const child = await Agent.open(`${gateway.url}/mcp/child`, house.tokens['release-bot']!);
  // To start it may take longer than the first preview waits; the next one finds it.
  await eventually(
    'it answers',
    async () => {
      const message = `hello ${performance.now()}`;
      void child.call('add', { message }).answer.catch(() => undefined);
      const found = await gateway.pending('add', { message });
      await house.card(found.id, /./, 10_000);
      const { preview } = (await gateway.approval(found.id)) as unknown as Told;
      return preview?.text?.includes(message) ? true : null;
    },
    30_000,
  );
});

test('P10: an edit stands on the card as a diff beside the arguments, and what is unusual is said with its numbers', async () => {
  const edit = { name: 'edit', path: 'src/a.ts', old_string: 'one\ntwo\nthree', new_string: 'one\n2\nthree' };
  const { card, told } = await asked('edit_file', edit);
  assert.match(card, /an edit: 1 line out, 1 in/);
  assert.match(card, / {2}one\\n- two\\n\+ 2\\n {2}three/);
  assert.match(card, /old_string/);
  assert.deepEqual(told.unusual, ['First call of this tool that people are asked about for release-bot in 30 days']);
  for (const amount of [10, 20, 900, 30, 40])
    await house.approve((await asked('send_money', { name: `a${amount}`, payee: 'acme', amount })).id);
  const odd = await asked('send_money', { name: 'odd', payee: 'mallory', amount: 5200 });
  assert.deepEqual(odd.told.unusual, [
    'New: args.payee is mallory; none of its 5 approved calls in 30 days named it',
    'args.amount is 5,200; its 5 approved calls in 30 days had 10 to 900',
  ]);
  assert.match(odd.card, /Unusual/);
});
