import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { pause } from '../../time/pause.ts';
import type { Stage } from '../demo.ts';
import type { Terminal } from '../process/terminal.ts';

const CHANNEL = 'C0APPROVALS';
/** Milliseconds that a person at the demo's page has for one decision. */
const BY_HAND_MS = 5 * 60_000;
const BY_ITSELF_MS = 20_000;

interface Answer {
  readonly isError?: boolean;
  readonly content: readonly { readonly type: string; readonly text?: string }[];
  readonly _meta?: { readonly 'holdfast/approval'?: { readonly id: string; readonly state: string } };
}

/** What is played, and how: each scene says what happens and throws when it did not. */
interface Play extends Stage {
  readonly client: Client;
  readonly say: (text: string) => void;
  readonly byHand: boolean;
  /** Cards that were looked at. */
  readonly seen: Set<string>;
}

/** Plays the four scenes. Throws with what was expected and what came. */
export async function playScenes(stage: Stage, terminal: Terminal, byHand: boolean): Promise<void> {
  const say = (text: string): void => terminal.out(`${text}\n`);
  const client = new Client({ name: 'demo-agent', version: '1.0.0' });
  const transport = new StreamableHTTPClientTransport(new URL(`${stage.running.url}/mcp/prometheus`), {
    requestInit: { headers: { authorization: `Bearer ${stage.token}` } },
  });
  await client.connect(transport as never);
  const play: Play = { ...stage, client, say, byHand, seen: new Set() };
  say(`\n  gateway        ${stage.running.url}`);
  say(`  Slack stand-in ${stage.slack.url}${byHand ? '   ← open this; you are the approver' : ''}`);
  try {
    await readPasses(play);
    await keyIsHeldAndApproved(play);
    await keyIsDenied(play);
    await limitRefuses(play);
    await logTellsIt(play);
  } finally {
    await client.close();
  }
  say('\nAll went as it should. Point your own agent here: see README.md.');
}

async function readPasses({ client, say }: Play): Promise<void> {
  say('\n1. The agent lists its tools and asks a harmless question.');
  const { tools } = await client.listTools();
  const names = tools.map((tool) => tool.name);
  expect(!names.includes('delete_workspace'), 'delete_workspace is hidden', names.join(', '));
  const answer = await call(client, 'query', { expr: 'up' });
  expect(answer.isError !== true, 'query passes', textOf(answer));
  say(`   tools: ${names.join(', ')}   (delete_workspace is hidden by policy)`);
  say(`   query → ${textOf(answer)}   (allowed, nobody was asked)`);
}

async function keyIsHeldAndApproved(play: Play): Promise<void> {
  play.say('\n2. The agent wants an API key. Policy says: ask a person.');
  const id = await approvedKey(play, 'ci-dashboard');
  play.say(`   approved; the very call that waited was resumed: key ${id} (its secret is not shown)`);
}

async function keyIsDenied(play: Play): Promise<void> {
  const { client, say, slack, prometheus } = play;
  say('\n3. It wants a key with more rights. This time the answer is no.');
  const before = prometheus.keys.length;
  const pending = call(client, 'create_api_key', { name: 'everything', role: 'admin' }, 'It may be handy later.');
  const card = await nextCard(play);
  if (play.byHand) say(`   → click Deny at ${slack.url} and give a reason`);
  else await deny(play, card, 'viewer is enough for CI');
  const answer = await pending;
  if (play.byHand && answer.isError !== true) {
    return say('   you approved it, so it ran. Your word is what counts.');
  }
  expect(answer.isError === true && textOf(answer).startsWith('Denied by'), 'the agent is told', textOf(answer));
  expect(prometheus.keys.length === before, 'nothing ran', String(prometheus.keys.length));
  say(`   the agent hears: ${firstLine(answer)}`);
}

async function limitRefuses(play: Play): Promise<void> {
  const { client, say, prometheus, slack } = play;
  say('\n4. Two keys a day are allowed. A denied call uses nothing; once there are two keys, no more fits.');
  while (prometheus.keys.length < 2) say(`   approved: key ${await approvedKey(play, 'staging-dashboard')}`);
  const cards = slack.messages(CHANNEL).length;
  const answer = await call(client, 'create_api_key', { name: 'one-too-many', role: 'viewer' });
  expect(answer.isError === true && textOf(answer).startsWith('Rate limited'), 'the limit refuses', textOf(answer));
  expect(slack.messages(CHANNEL).length === cards, 'nobody was asked', `${slack.messages(CHANNEL).length} cards`);
  expect(prometheus.keys.length === 2, 'two keys in all', String(prometheus.keys.length));
  say(`   the agent hears: ${firstLine(answer)}   (nobody was asked)`);
}

async function logTellsIt({ running, adminToken, say }: Play): Promise<void> {
  const headers = { authorization: `Bearer ${adminToken}` };
  const events = await eventually(async () => {
    const response = await fetch(`${running.url}/api/events?limit=200`, { headers });
    const { items } = (await response.json()) as { items: { type: string; seq: number | null }[] };
    return items.length > 0 && items.every((event) => event.seq !== null) ? items : null;
  }, 'every event is chained');
  const types = events.map((event) => event.type).filter((type) => /^(call|approval)\./.test(type));
  say(`\n5. Every step is an event, chained by hash (${events.length} so far):`);
  say(`   ${types.join(' · ')}`);
}

/** A call that is held, approved by a click, and resumed. Returns the new key's id. Who denies it by hand is asked again. */
async function approvedKey(play: Play, name: string): Promise<string> {
  const { client, say, slack, prometheus } = play;
  const before = prometheus.keys.length;
  const pending = call(client, 'create_api_key', { name, role: 'viewer' }, 'The nightly build reads metrics.');
  const card = await nextCard(play);
  expect(prometheus.keys.length === before, 'nothing ran before the approval', String(prometheus.keys.length));
  say('   the call is held; its card is in #approvals');
  if (play.byHand) say(`   → click Approve at ${slack.url}`);
  else await approve(play, card);
  const answer = await pending;
  if (play.byHand && textOf(answer).startsWith('Denied by')) {
    say(`   the agent hears: ${firstLine(answer)}   (nothing ran)`);
    say('   It asks once more, so that you can see an approved call go through.');
    return approvedKey(play, name);
  }
  expect(answer.isError !== true, 'the held call returns its result', textOf(answer));
  expect(prometheus.keys.length === before + 1, 'exactly one key was made', String(prometheus.keys.length - before));
  return (JSON.parse(textOf(answer)) as { id: string }).id;
}

/** The card of the call that was just made; cards of earlier calls may still be on their way to their last state. */
async function nextCard({ slack, seen }: Play): Promise<string> {
  const ts = await slack.waitFor(
    () => slack.messages(CHANNEL).find((message) => !seen.has(message.ts))?.ts,
    BY_ITSELF_MS,
  );
  seen.add(ts);
  return ts;
}

/** Signed as Slack signs, sent as Slack sends. */
async function approve({ slack, say }: Play, ts: string): Promise<void> {
  const reaction = await slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve' });
  // High severity asks once more in a modal of its own.
  if (slack.openViews('U0MIRA').length > 0) await slack.submitView({ user: 'U0MIRA' });
  say(`   Mira clicks Approve (Slack was answered ${reaction.status})`);
}

async function deny({ slack, say }: Play, ts: string, reason: string): Promise<void> {
  await slack.click({ user: 'U0ALEX', channel: CHANNEL, ts, actionId: 'deny' });
  await slack.waitFor(() => slack.openViews('U0ALEX').length > 0);
  await slack.submitView({ user: 'U0ALEX', values: { words: reason } });
  say(`   Alex clicks Deny and writes: ${reason}`);
}

/** `why`: the agent's own words, which the card shows as unverified. */
async function call(client: Client, name: string, args: Record<string, unknown>, why?: string): Promise<Answer> {
  const options = { timeout: BY_HAND_MS, resetTimeoutOnProgress: true, onprogress: () => undefined };
  const meta = why === undefined ? {} : { _meta: { 'holdfast/reason': why } };
  return (await client.callTool({ name, arguments: args, ...meta }, undefined, options)) as Answer;
}

function textOf(answer: Answer): string {
  return answer.content.map((part) => part.text ?? '').join('\n');
}

function firstLine(answer: Answer): string {
  return textOf(answer).split('\n')[0]!;
}

function expect(holds: boolean, what: string, got: string): void {
  if (!holds) throw new Error(`expected that ${what}; got: ${got}`);
}

async function eventually<T>(probe: () => Promise<T | null>, what: string): Promise<T> {
  const until = Date.now() + BY_ITSELF_MS;
  for (;;) {
    const found = await probe();
    if (found !== null) return found;
    if (Date.now() > until) throw new Error(`expected that ${what}; it did not come in time`);
    await pause(100);
  }
}
