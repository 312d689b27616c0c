import { setTimeout as sleep } from 'node:timers/promises';
import type { Approval } from '../../src/domain/approval/approval.ts';
import { fingerprintMaterial } from '../../src/domain/call/fingerprint.ts';
import { member } from '../../src/domain/json/json.ts';
import { vault } from '../../src/vault/vault.ts';
import { STORE_SECRET } from '../support/gateway/program.ts';
import { type Standby, startStandby } from '../support/store/standby.ts';
import { eventually } from '../support/wait.ts';
import { Agents } from './agents.ts';
import { TownApprovers } from './approvers.ts';
import { LAST_MS } from './chaos.ts';
import { Dice } from './dice.ts';
import { chainVerifies, nothingEndedEarly, oneTime, type Seen } from './invariants.ts';
import { type ChaosReport, quiet, reportOf } from './report.ts';
import { type ArrivedCall, openTown, STORMY, type Town, UNASKED } from './town.ts';

export interface FailoverPlan {
  readonly seed: number;
  readonly gateways: number;
  readonly lines: number;
  readonly quietMs: number;
  readonly say: (line: string) => void;
}

/** Gated calls that must have been sent after the standby stopped receiving, and before it is promoted. */
const LOST_CALLS = 4;
/** Milliseconds that agents go on calling before and after. */
const CALLING_MS = 4_000;

/**
 * A standby that lacks the last commits is promoted while agents call: nothing runs twice, nothing gated runs until an
 * operator accepts the store, and whatever ran in the commits that were lost is on record again. What the record of those
 * seconds cannot hold any more (votes, cards, counts) is not compared; the alarm and the event say that it was lost.
 */
export async function failover(plan: FailoverPlan): Promise<ChaosReport> {
  const dice = new Dice(plan.seed);
  const town = await openTown(dice.fork(), STORMY);
  let standby: Standby | null = null;
  try {
    await town.fill(plan.gateways);
    const began = Date.now();
    const agents = new Agents(town);
    const finding = dice.fork();
    const address = () => (town.live.length === 0 ? null : finding.of(town.live).url);
    const approvers = new TownApprovers(town, dice.fork(), { ignored: 0.1, looks: [5, 3], atOnce: 6, address });
    const deciding = approvers.run();
    const calling = agents.run(dice.fork(), plan.lines);
    standby = await startStandby(town.postgres.port);
    await sleep(CALLING_MS);
    plan.say('a standby stops receiving, and is promoted without what came since');
    const sentBefore = gated(town).length;
    standby.fallBehind();
    await eventually('calls that the standby lacks', async () =>
      gated(town).length >= sentBefore + LOST_CALLS ? true : null,
    );
    await town.postgres.kill();
    standby.promote(town.postgres.port);
    await eachSays(town, 'the alarm', ({ gated, alarms }) => !gated && /went_back/.test(JSON.stringify(alarms)));
    // What was sent before anybody could know arrives a little later.
    await sleep(500);
    const alarmed = gated(town).length;
    await sleep(CALLING_MS);
    const whileAlarmed = gated(town).length - alarmed;
    await accept(town);
    await eachSays(town, 'the end of the alarm', ({ gated }) => gated);
    const accepted = gated(town).length;
    plan.say('an operator accepts it; waiting for what is under way');
    await sleep(CALLING_MS);
    agents.finish(plan.quietMs);
    await calling;
    approvers.stop();
    await deciding;
    const evidence = await quiet(town, Date.now() + LAST_MS);
    const { table, breaks, logs } = reportOf(town, {
      told: agents.told,
      approvers,
      evidence,
      ms: Date.now() - began,
      rows: [
        ['fail-overs to a stale standby', 1],
        ['  calls sent that it lacked', alarmed - sentBefore],
        ['  calls sent after it was accepted', gated(town).length - accepted],
      ],
      faults: {},
    });
    const seen = { evidence, arrivals: town.arrivals, told: agents.told };
    const own: Record<string, readonly string[]> = {
      'P2 nothing runs twice': nothingTwice(seen),
      'P2 nothing gated runs while the alarm stands': whileAlarmed === 0 ? [] : [`${whileAlarmed} calls arrived`],
      'P2 nothing is lost without a word': nothingLost(seen),
      'P4 every approval ended': breaks['P4 every approval ended'] ?? [],
      'P4 it goes on': gated(town).length > accepted ? [] : ['no gated call arrived after the store was accepted'],
      'P4 nothing ended early': nothingEndedEarly(seen),
      'P7 the log has one time': oneTime(seen),
      'P7 the chain verifies': chainVerifies(seen),
      'no process ends by itself': town.fallen,
    };
    const held = Object.fromEntries(Object.entries(own).filter(([, faults]) => faults.length > 0));
    const count = Object.values(held).reduce((sum, faults) => sum + faults.length, 0);
    const rows = table.map((row) => (row[0] === 'invariant breaks' ? (['invariant breaks', count] as const) : row));
    return { table: rows, breaks: held, logs };
  } finally {
    await town.close();
    standby?.stop();
  }
}

function gated(town: Town) {
  return town.arrivals.filter(({ tool }) => !UNASKED.has(tool));
}

interface Ready {
  readonly gated: boolean;
  readonly alarms?: unknown;
}

/** Waits until every gateway says so. */
async function eachSays(town: Town, what: string, says: (ready: Ready) => boolean): Promise<void> {
  for (const gateway of town.live) {
    await eventually(
      `${what} at ${gateway.url}`,
      async () => {
        const ready = (await (await gateway.api('/readyz').catch(() => null))?.json()) as Ready | undefined;
        return ready !== undefined && says(ready) ? true : null;
      },
      60_000,
    );
  }
}

async function accept(town: Town): Promise<void> {
  const response = await town.live[0]!.api('/api/store/accept', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ reason: 'the standby is what there is' }),
  });
  if (response.status !== 200) throw new Error(`accept: ${response.status} ${await response.text()}`);
}

type Lost = Pick<Seen, 'evidence' | 'arrivals'>;

/** Of the secret that the program's houses run with. */
const PROGRAM_VAULT = vault([STORE_SECRET]);

/**
 * The fingerprint of a call as the town's agents make it. Of an approval that the store lost it is all that is left: its
 * arguments are gone, and its agent may never have heard its id (it cancelled, or its connection broke).
 */
function printOf({ id, tool, agent }: Pick<ArrivedCall, 'agent' | 'id' | 'tool'>): string {
  const args = { id, agent };
  const principal = { grant: agent, owner: null, selfApproval: false };
  const call = { principal, server: 'counting', tool, args, session: null, params: { name: tool, arguments: args } };
  return PROGRAM_VAULT.fingerprints(fingerprintMaterial(call))[0]!;
}

/** The approvals whose call was sent, by the call, oldest first. */
function sentFor({ evidence }: Lost): (call: ArrivedCall) => readonly Approval[] {
  const sent = evidence.approvals.filter(({ state }) => ['succeeded', 'failed', 'unknown'].includes(state));
  const byPrint = Map.groupBy(sent, ({ fingerprint }) => fingerprint);
  return (call) => byPrint.get(printOf(call)) ?? [];
}

/**
 * As often as people approved it, and a second time only with a card that says that the first one is unknown. Of one that
 * was asked before the acceptance, and was not ended by it, the first one's outcome was known then, and lost since: while
 * the alarm stood nothing was sent.
 */
function nothingTwice(seen: Lost): string[] {
  const sent = sentFor(seen);
  const accepted = seen.evidence.events.find(({ type }) => type === 'store.accepted')?.at ?? new Date(0);
  const faults: string[] = [];
  for (const [id, all] of Map.groupBy(
    seen.arrivals.filter(({ tool }) => !UNASKED.has(tool)),
    (arrival) => arrival.id,
  )) {
    const own = sent(all[0]!);
    if (all.length > Math.max(1, own.length))
      faults.push(`${id} arrived ${all.length} times for ${own.map((one) => one.id).join(', ')}`);
    for (const [index, one] of own.entries()) {
      const before = own[index - 1];
      // One whose outcome is known may be asked again like any other call.
      if (before?.state !== 'unknown' || one.previousUnknown !== null || one.createdAt < new Date(accepted)) continue;
      const of = `${before.id} (${before.note}, created ${before.createdAt.toISOString()})`;
      faults.push(
        `${one.id} (${one.state}, ${one.note}, created ${one.createdAt.toISOString()}) does not say that ${of} is unknown`,
      );
    }
  }
  return faults;
}

/** Each gated call that arrived is on record as sent, and the log says that the store went back and was accepted. */
function nothingLost(seen: Lost & Pick<Seen, 'told'>): string[] {
  const { arrivals, evidence, told } = seen;
  const sent = sentFor(seen);
  const types = new Set(evidence.events.map(({ type }) => type));
  const faults = ['log.went_back', 'store.accepted'].filter((type) => !types.has(type)).map((type) => `no ${type}`);
  const calls = new Map(arrivals.map((one) => [one.id, one]));
  for (const approval of evidence.approvals) {
    const call = calls.get(String(member(approval.arguments, 'id')));
    // Otherwise what follows would compare nothing.
    if (call !== undefined && printOf(call) !== approval.fingerprint)
      faults.push(`the fingerprint of ${approval.id} is not that of ${call.id} as this test makes it`);
  }
  for (const arrival of arrivals) {
    if (UNASKED.has(arrival.tool) || sent(arrival).length > 0) continue;
    const { id, tool, agent, at } = arrival;
    const heard = told.filter((one) => one.id === id).map((one) => `"${one.heard}" of ${one.approval}`);
    const known = evidence.approvals.filter(({ fingerprint }) => fingerprint === printOf(arrival));
    const states = known.map((one) => `${one.id} is ${one.state} (${one.note})`);
    faults.push(
      `${id} (${tool} of ${agent}) arrived at ${new Date(at).toISOString()} and is nowhere on record; ` +
        `its agent heard ${heard.join(', ')}; ${states.join(', ') || 'no approval has its fingerprint'}`,
    );
  }
  return faults;
}
