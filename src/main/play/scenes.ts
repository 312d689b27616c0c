import { type Printed, printed } from '../../text/printed.ts';
import { pause } from '../../time/pause.ts';
import type { Terminal } from '../process/terminal.ts';
import { DemoAgent } from './agent.ts';
import type { Stage } from './stage.ts';

const CHANNEL = 'C0APPROVALS';
/** Milliseconds in which anything that needs no person must happen. */
const SOON_MS = 20_000;

/** What a scene plays with. Each scene says what happens, and throws if something else does. */
interface Play extends Stage {
  readonly agent: DemoAgent;
  readonly say: (text: Printed) => void;
  readonly byHand: boolean;
  /** The `ts` of each card that a scene has used. */
  readonly usedCards: Set<string>;
}

/** Plays the scenes. Throws an error that says what was expected and what came. */
export async function playScenes(stage: Stage, terminal: Terminal, byHand: boolean): Promise<void> {
  const say = (text: Printed): void => terminal.out(printed`${text}\n`);
  const agent = await DemoAgent.connect(`${stage.running.url}/mcp/prometheus`, stage.token);
  const play: Play = { ...stage, agent, say, byHand, usedCards: new Set() };
  say(printed`\n  gateway        ${stage.running.url}`);
  say(printed`  Slack stand-in ${stage.slack.url}${byHand ? '   ← open this; you are the approver' : ''}`);
  try {
    await readIsAllowed(play);
    await keyIsApproved(play);
    await keyIsDenied(play);
    await limitRefuses(play);
    await logShowsIt(play);
  } finally {
    await agent.close();
  }
  say(printed`\nEverything went as it should. README.md says how to connect your own agent.`);
}

async function readIsAllowed({ agent, say }: Play): Promise<void> {
  say(printed`\n1. The agent lists its tools and asks a harmless question.`);
  const names = await agent.toolNames();
  expect(!names.includes('delete_workspace'), 'delete_workspace is hidden', names.join(', '));
  const answer = await agent.call('query', { expr: 'up' });
  expect(!answer.isError, 'query is allowed', answer.text);
  say(printed`   tools: ${names.join(', ')}   (delete_workspace is hidden by policy)`);
  say(printed`   query → ${answer.text}   (allowed; nobody was asked)`);
}

async function keyIsApproved(play: Play): Promise<void> {
  play.say(printed`\n2. The agent wants an API key. Policy says: ask a person.`);
  const id = await approvedKey(play, 'ci-dashboard');
  play.say(printed`   approved; the waiting call went through and made key ${id} (its secret is not shown here)`);
}

async function keyIsDenied(play: Play): Promise<void> {
  const { agent, say, slack, prometheus } = play;
  say(printed`\n3. The agent wants a key with more rights. This time the answer is no.`);
  const before = prometheus.keys.length;
  const pending = agent.call('create_api_key', { name: 'everything', role: 'admin' }, 'It may be handy later.');
  const card = await nextCard(play);
  if (play.byHand) say(printed`   → click Deny at ${slack.url} and give a reason`);
  else await deny(play, card, 'viewer is enough for CI');
  const answer = await pending;
  if (play.byHand && !answer.isError) {
    return say(printed`   you approved it, so it ran: your decision is what counts.`);
  }
  expect(answer.isError && answer.text.startsWith('Denied by'), 'the agent is told', answer.text);
  expect(prometheus.keys.length === before, 'nothing ran', String(prometheus.keys.length));
  say(printed`   the agent is told: ${answer.firstLine}`);
}

async function limitRefuses(play: Play): Promise<void> {
  const { agent, say, prometheus, slack } = play;
  say(
    printed`\n4. Policy allows two keys a day. Denied calls do not count; once two keys are made, the next call is refused.`,
  );
  while (prometheus.keys.length < 2) say(printed`   approved: key ${await approvedKey(play, 'staging-dashboard')}`);
  const cards = slack.messages(CHANNEL).length;
  const answer = await agent.call('create_api_key', { name: 'one-too-many', role: 'viewer' });
  expect(answer.isError && answer.text.startsWith('Rate limited'), 'the limit refuses', answer.text);
  expect(slack.messages(CHANNEL).length === cards, 'nobody was asked', `${slack.messages(CHANNEL).length} cards`);
  expect(prometheus.keys.length === 2, 'two keys in all', String(prometheus.keys.length));
  say(printed`   the agent is told: ${answer.firstLine}   (nobody was asked)`);
}

async function logShowsIt({ running, adminToken, say }: Play): Promise<void> {
  const headers = { authorization: `Bearer ${adminToken}` };
  const events = await eventually(async () => {
    const response = await fetch(`${running.url}/api/events?limit=200`, { headers });
    const { items } = (await response.json()) as { items: { type: string; seq: number | null }[] };
    return items.length > 0 && items.every((event) => event.seq !== null) ? items : null;
  }, 'every event is chained');
  const types = events.map((event) => event.type).filter((type) => /^(call|approval)\./.test(type));
  say(printed`\n5. Every step is an event in the audit log, chained by hash (${events.length} so far):`);
  say(printed`   ${types.join(' · ')}`);
}

/** A call that is held, approved by a click, and goes through. Returns the new key's id. Asks again if denied by hand. */
async function approvedKey(play: Play, name: string): Promise<string> {
  const { agent, say, slack, prometheus } = play;
  const before = prometheus.keys.length;
  const pending = agent.call('create_api_key', { name, role: 'viewer' }, 'The nightly build reads metrics.');
  const card = await nextCard(play);
  expect(prometheus.keys.length === before, 'nothing ran before the approval', String(prometheus.keys.length));
  say(printed`   the call is held; its card is in #approvals`);
  if (play.byHand) say(printed`   → click Approve at ${slack.url}`);
  else await approve(play, card);
  const answer = await pending;
  if (play.byHand && answer.text.startsWith('Denied by')) {
    say(printed`   the agent is told: ${answer.firstLine}   (nothing ran)`);
    say(printed`   It asks once more, so that you can see an approved call go through.`);
    return approvedKey(play, name);
  }
  expect(!answer.isError, 'the held call returns its result', answer.text);
  expect(prometheus.keys.length === before + 1, 'exactly one key was made', String(prometheus.keys.length - before));
  return (JSON.parse(answer.text) as { id: string }).id;
}

/** The card of the call that was just made. Cards of earlier calls may still be on their way to their last state. */
async function nextCard({ slack, usedCards }: Play): Promise<string> {
  const ts = await slack.waitFor(
    () => slack.messages(CHANNEL).find((message) => !usedCards.has(message.ts))?.ts,
    SOON_MS,
  );
  usedCards.add(ts);
  return ts;
}

/** A click that the stand-in signs and sends as Slack does. */
async function approve({ slack, say }: Play, ts: string): Promise<void> {
  const reaction = await slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve' });
  // A card that cannot show everything opens the full view, where the decision is made.
  if (slack.openViews('U0MIRA').length > 0) await slack.submitView({ user: 'U0MIRA' });
  say(printed`   Mira clicks Approve (the gateway answers Slack with ${reaction.status})`);
}

async function deny({ slack, say }: Play, ts: string, reason: string): Promise<void> {
  await slack.click({ user: 'U0ALEX', channel: CHANNEL, ts, actionId: 'deny' });
  await slack.waitFor(() => slack.openViews('U0ALEX').length > 0);
  await slack.submitView({ user: 'U0ALEX', values: { words: reason } });
  say(printed`   Alex clicks Deny and writes: ${reason}`);
}

function expect(holds: boolean, what: string, got: string): void {
  if (!holds) throw new Error(`expected that ${what}; got: ${got}`);
}

async function eventually<T>(probe: () => Promise<T | null>, what: string): Promise<T> {
  const until = Date.now() + SOON_MS;
  for (;;) {
    const found = await probe();
    if (found !== null) return found;
    if (Date.now() > until) throw new Error(`expected that ${what}; that did not happen within ${SOON_MS / 1000} s`);
    await pause(100);
  }
}
