/**
 * How long a decision takes to reach the agent: from sending a signed click to the answer, beside the same for a hold in
 * memory. `node bench/decided.ts [decisions] [folder for a CPU profile]`.
 */
import { type SlackStandIn, startSlackStandIn } from '../src/demo/slack/stand-in.ts';
import { hold } from './held.ts';
import { median, quantile } from './load.ts';
import { type BenchServer, endInOrder, profiled, Rig } from './rig.ts';
import { realServers } from './storage.ts';

const TOOLS = '  gated: { action: require_approval }\n';

/** A pause between holding and approving, as no person clicks at once; the same for both. */
const rest = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50));

/** A click that is already made and signed; returns what sends it. What Slack does before that is not measured. */
function signedClick(slack: SlackStandIn, ts: string): () => Promise<unknown> {
  const payload = slack.payloadOf({ user: 'U0MIRA', channel: 'C0APPROVALS', ts, actionId: 'approve' });
  const body = `payload=${encodeURIComponent(JSON.stringify(payload))}`;
  const timestamp = Math.floor(Date.now() / 1_000);
  const signature = slack.sign(body, timestamp);
  return () => slack.deliver(body, { timestamp, signature });
}

/**
 * From sending a signed click to the answer at the agent, beside the same for a bare hold's approve request. Returns its
 * median, in ms.
 */
export async function showDecided(
  rig: Rig,
  upstream: BenchServer,
  env: Record<string, string>,
  { decisions, profiles }: { readonly decisions: number; readonly profiles?: string },
  say: (what: string, figure: string, goal?: string) => void,
): Promise<number> {
  const slack = await startSlackStandIn({ rates: false });
  const settings = {
    ...env,
    SLACK_BOT_TOKEN: slack.botToken,
    SLACK_SIGNING_SECRET: slack.signingSecret,
    SLACK_API_URL: slack.apiUrl,
  };
  // A card of its own for each, however quickly they follow each other.
  const gateway = await rig.gateway(upstream.url, TOOLS, settings, ', digest: off', profiled(profiles));
  slack.interactivityUrl = `${gateway.url}/slack/events`;
  const bare = await rig.script('bare-hold.ts', `${upstream.url}/mcp`);
  const ours: number[] = [];
  const theirs: number[] = [];
  const seen = new Set<string>();
  for (let n = 0; n < decisions; n += 1) {
    const held = hold(`${gateway.url}/mcp/up`, { authorization: `Bearer ${gateway.token}` }, 'gated', { n });
    const ts = await slack.waitFor(
      () => slack.messages('C0APPROVALS').find((m) => m.metadata !== null && !seen.has(m.ts))?.ts,
      10_000,
    );
    seen.add(ts);
    const click = signedClick(slack, ts);
    await rest();
    const start = performance.now();
    void click();
    await held.answered;
    ours.push(performance.now() - start);
    const other = hold(`${bare.url}/hold`, {}, 'gated', { n });
    await other.opened;
    await rest();
    const then = performance.now();
    void fetch(`${bare.url}/approve?id=${other.id}`, { method: 'POST' });
    await other.answered;
    theirs.push(performance.now() - then);
  }
  if (profiles !== undefined) await endInOrder(gateway.pid);
  await slack.close();
  const ratio = median(ours.map((ms, i) => ms / theirs[i]!));
  say(
    'signed click to answer at the agent, median',
    `${ratio.toFixed(2)} ×`,
    `goal ≤ 2.50  (${median(ours).toFixed(1)} ms, bare ${median(theirs).toFixed(1)} ms)`,
  );
  const [late, bareLate] = [ours, theirs].map((times) =>
    quantile(
      [...times].sort((a, b) => a - b),
      0.99,
    ),
  ) as [number, number];
  say(
    'signed click to answer at the agent, p99',
    `${(late / bareLate).toFixed(2)} ×`,
    `goal ≤ 2.50  (${late.toFixed(1)} ms, bare ${bareLate.toFixed(1)} ms)`,
  );
  return median(ours);
}

if (process.argv[1] === import.meta.filename) {
  const [decisions = '150', profiles] = process.argv.slice(2);
  const [storage, rig] = [await realServers(), new Rig()];
  try {
    const upstream = await rig.script('upstream.ts');
    const figures = { decisions: Number(decisions), ...(profiles === undefined ? {} : { profiles }) };
    await showDecided(rig, upstream, await storage.env('decided'), figures, (...words) =>
      console.log(words.join('   ')),
    );
  } finally {
    await rig.close();
    await storage.close();
  }
}
