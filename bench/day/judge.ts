import type { Told } from './agent.ts';
import { callKey, type Day, type DayCall } from './day.ts';
import type { Acted } from './inbox.ts';
import type { Ran } from './servers.ts';

/** An event of the log, as far as the judge reads it. */
export interface Logged {
  readonly type: string;
  readonly actor: string;
  readonly approval: string | null;
  readonly server: string | null;
  readonly tool: string | null;
  readonly grant: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}

/** An approval, as far as the judge reads it. */
export interface Judged {
  readonly id: string;
  readonly state: string;
  readonly grant: string;
  readonly server: string;
  readonly tool: string;
  readonly arguments: DayCall['arguments'];
}

export interface Evidence {
  readonly day: Day;
  readonly acted: readonly Acted[];
  readonly told: readonly Told[];
  /** What the servers themselves counted. */
  readonly ran: readonly Ran[];
  readonly events: readonly Logged[];
  readonly approvals: readonly Judged[];
}

export interface Judgement {
  readonly calls: number;
  readonly actions: number;
  readonly byKind: Readonly<Record<string, number>>;
  /** Persons' decisions that the log has; each action is one, but for a batch, which is one for each ticked. */
  readonly decisions: number;
  readonly ran: { readonly byAllowance: number; readonly byBatch: number; readonly byOneDecision: number };
  /** Calls marked bad that ran, and how. None may. */
  readonly bad: readonly string[];
  /** Batches that were approved with a bad call ticked. None may. */
  readonly badBatches: number;
  /** Calls that are good and did not run, and what the agent was told. */
  readonly missed: readonly string[];
  /** Runs that no person's decision in the log explains, or that no agent sent. */
  readonly untraceable: readonly string[];
  /** What the log says and the person did not do, or the other way round. */
  readonly unlike: readonly string[];
}

/** What events of one batch have in common. */
interface Batch {
  readonly id: string;
}

type Way = 'allowance' | 'batch' | 'one decision';

/** Judges one replayed day: from what the servers counted, from the log, and from what the person did. */
export function judge(evidence: Evidence): Judgement {
  const { day, acted, approvals } = evidence;
  const badKeys = new Set(day.calls.filter(({ bad }) => bad).map(callKey));
  const byId = new Map(approvals.map((approval) => [approval.id, approval]));
  const isBad = (id: string): boolean => badKeys.has(keyOf(byId.get(id)!));
  const { ways, untraceable } = tracedRuns(evidence, byId);
  const runs = [...ways].map(([id, way]) => ({ id, way }));
  const count = (way: Way): number => runs.filter((run) => run.way === way).length;
  return {
    calls: day.calls.length,
    actions: acted.length,
    byKind: Object.fromEntries([...Map.groupBy(acted, ({ kind }) => kind)].map(([kind, all]) => [kind, all.length])),
    decisions: decided(evidence.events).length,
    ran: { byAllowance: count('allowance'), byBatch: count('batch'), byOneDecision: count('one decision') },
    bad: runs.filter(({ id }) => isBad(id)).map(({ id, way }) => `${keyOf(byId.get(id)!)} by ${way}`),
    badBatches: acted.filter(({ kind, approvals: ids }) => kind === 'batch approved' && ids.some(isBad)).length,
    missed: missed(evidence),
    untraceable,
    unlike: unlike(evidence),
  };
}

/** The day's verdict: what is wrong with it, one line each; empty: nothing. */
export function faultsOf(judgement: Judgement, mostActions: number): string[] {
  const faults: string[] = [];
  if (judgement.actions > mostActions) faults.push(`${judgement.actions} human actions, more than ${mostActions}`);
  for (const what of judgement.bad) faults.push(`ran though it is bad: ${what}`);
  if (judgement.badBatches > 0) faults.push(`${judgement.badBatches} batches with a bad call ticked`);
  for (const what of judgement.missed) faults.push(`did not run though it is good: ${what}`);
  for (const what of judgement.untraceable) faults.push(`no decision explains: ${what}`);
  for (const what of judgement.unlike) faults.push(what);
  return faults;
}

/** How each dispatched approval came to run, and what ran that nothing in the log explains. */
function tracedRuns({ day, events, ran }: Evidence, byId: ReadonlyMap<string, Judged>) {
  const yes = new Map(
    decided(events)
      .filter(({ data }) => data.choice === 'approve')
      .map((event) => [event.approval, event]),
  );
  const given = new Map(ofType(events, 'allowance.given').map((event) => [event.data.allowance, event]));
  const used = new Map(ofType(events, 'allowance.used').map((event) => [event.approval, event]));
  const ways = new Map<string, Way>();
  const explained: string[] = [];
  const untraceable: string[] = [];
  for (const event of ofType(events, 'call.dispatched')) {
    const approval = byId.get(event.approval ?? '');
    const way = approval === undefined ? null : wayOf(event);
    if (way === null || ways.has(approval!.id))
      untraceable.push(`${event.approval}, sent to ${event.server}.${event.tool}`);
    else {
      ways.set(approval!.id, way);
      explained.push(runKey(approval!));
    }
  }
  for (const run of ran.map(runKey)) {
    const at = explained.indexOf(run);
    if (at < 0) untraceable.push(run);
    else explained.splice(at, 1);
  }
  const sent = day.calls.map(runKey);
  for (const run of ran.map(runKey)) {
    const at = sent.indexOf(run);
    if (at < 0) untraceable.push(`${run}, more often than it was sent`);
    else sent.splice(at, 1);
  }
  for (const run of explained) untraceable.push(`${run}, which the log says was sent and no server counted`);
  return { ways, untraceable };

  function wayOf({ approval, grant, server, tool }: Logged): Way | null {
    const own = yes.get(approval);
    if (own !== undefined) return own.data.batch === undefined ? 'one decision' : 'batch';
    const use = used.get(approval);
    const gift = use && given.get(use.data.allowance);
    const source = gift && yes.get(gift.approval);
    const same = gift?.grant === grant && gift?.server === server && gift?.tool === tool;
    return source?.data.allows !== undefined && use?.data.given === gift?.approval && same ? 'allowance' : null;
  }
}

/** Good calls whose agent was not told the result. Of identical calls that wait at once, one runs, and all get its result. */
function missed({ day, ran, told }: Evidence): string[] {
  const keys = new Set(ran.map(runKey));
  const missing: string[] = [];
  for (const call of day.calls) {
    const end = told.find((one) => one.call === call)?.end ?? 'no answer';
    if (!call.bad && (end !== 'ran' || !keys.has(runKey(call)))) missing.push(`${callKey(call)}: ${end}`);
  }
  return missing;
}

/** The log's decisions are the person's actions: each ticked call once, and nothing that nobody did. */
function unlike({ acted, events }: Evidence): string[] {
  const done = acted
    .filter(({ approvals }) => approvals.length > 0)
    .map(({ approvals }) => approvals.toSorted().join(' '));
  const logged = Map.groupBy(
    decided(events),
    ({ approval, data }) => (data.batch as Batch | undefined)?.id ?? approval,
  );
  const forms = [...logged.values()].map((form) =>
    form
      .map(({ approval }) => approval)
      .sort()
      .join(' '),
  );
  return JSON.stringify(done.sort()) === JSON.stringify(forms.sort())
    ? []
    : [`the log has ${forms.length} actions, and ${done.length} were taken`];
}

function decided(events: readonly Logged[]): Logged[] {
  return ofType(events, 'approval.decided');
}

function ofType(events: readonly Logged[], type: string): Logged[] {
  return events.filter((event) => event.type === type);
}

function keyOf({ grant, ...approval }: Judged): string {
  return callKey({ agent: grant, ...approval });
}

function runKey({ server, tool, arguments: args }: Ran): string {
  return callKey({ agent: '', server, tool, arguments: args });
}
