import { createHash } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import type { Decision } from '../../../src/domain/approval/approval.ts';
import type { NewEvent } from '../../../src/domain/log/event.ts';
import type { NewApproval, NewJoiner, Store } from '../../../src/ports.ts';
import { APPROVAL_COLUMNS, approvalValues, newShownNow } from '../../../src/sql/approval/insert.ts';
import { decisionText, stateText } from '../../../src/sql/table/sealed-rows.ts';
import type { Tables } from '../../../src/sql/table/tables.ts';
import { ROOM } from '../domain/room.ts';
import { TEST_SEALS } from './seals.ts';
import { newApproval, newJoiner } from './world.ts';

/** One call that people were asked about, and that is over. */
export interface FinishedCall {
  readonly id: string;
  readonly fingerprint: string;
  readonly request: NewApproval;
  readonly joiner: NewJoiner;
  readonly vote: Decision;
  /** What its two cards showed. */
  readonly contents: readonly [string, string];
  readonly events: readonly NewEvent[];
  readonly rows: CallRows;
}

interface CallRows {
  readonly approval: Readonly<Record<string, unknown>>;
  readonly decision: Readonly<Record<string, unknown>>;
  readonly joiner: Readonly<Record<string, unknown>>;
  readonly card: Readonly<Record<string, unknown>>;
  readonly contents: readonly Readonly<Record<string, unknown>>[];
}

const LETTERS = '0123456789abcdefghjkmnpqrstvwxyz';
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The id of the nth call: ids sort by time. */
export function idOf(kind: 'ap' | 'jo', nth: number, at: Date): string {
  let time = at.getTime();
  let head = '';
  for (let place = 0; place < 10; place += 1) {
    head = LETTERS[time % 32] + head;
    time = Math.floor(time / 32);
  }
  const tail = BigInt(`0x${sha256(`${kind} ${nth}`).slice(0, 20)}`);
  return `${kind}_${head}${tail.toString(32).padStart(16, '0').slice(-16)}`;
}

/** The nth call, asked at this time: its seven events in the words of a gateway, and its rows as they are when it is over. */
export function finishedCall(nth: number, at: Date): FinishedCall {
  const [server, tool, grant] = [`server-${nth % 7}`, `write_${nth % 23}`, `bot-${nth % 29}`];
  const approver = `U0${['MIRA', 'ALEX', 'SAM', 'KIM'][nth % 4]}`;
  const after = (ms: number): Date => new Date(at.getTime() + ms);
  const fingerprint = sha256(`call ${nth}`);
  const [id, joiner] = [idOf('ap', nth, at), idOf('jo', nth, at)];
  const policyDigest = sha256(`policy ${nth % 7}`);
  const own = newApproval({
    id,
    server,
    tool,
    grant,
    fingerprint,
    createdAt: at,
    expiresAt: after(1_800_000),
    policyDigest,
  });
  const args = {
    project: `prj_${sha256(String(nth)).slice(0, 10)}`,
    environment: nth % 5_000 === 7 ? 'needle' : 'production',
    note: `for the release of week ${nth % 52}, asked by the release train of line alpha${nth % 1_000}`,
  };
  const approval = { ...own.approval, arguments: args };
  const pickupUntil = after(3_640_000);
  const digestOf = (content: string): string => sha256(content);
  const contents = [
    cardOf(id, tool, 'waits for a decision', args),
    cardOf(id, tool, `approved by ${approver} and succeeded`, args),
  ] as const;
  const ts = `${Math.floor(at.getTime() / 1_000)}.${String(nth % 1_000_000).padStart(6, '0')}`;
  const [posted, updated] = contents.map(
    (content, n) => `${n === 0 ? 'pending.0' : 'succeeded.1'}..${digestOf(content)}`,
  ) as [string, string];
  const card = { channel: 'C0APPROVALS', ts };
  const event = (type: NewEvent['type'], ms: number, actor: string, data: NewEvent['data']): NewEvent => {
    return {
      type,
      at: after(ms),
      actor,
      approval: id,
      server,
      tool,
      grant,
      replica: 'host-1-abcdef01',
      data,
    } as NewEvent;
  };
  const events = [
    event('approval.requested', 0, `grant:${grant}`, {
      ...{ fingerprint, rule: `tools.${tool}`, reason: null, policy: policyDigest, arguments: args },
      ...{
        trace: { rule: `tools.${tool}`, steps: [{ path: `tools.${tool}`, says: 'require_approval', matched: true }] },
      },
      ...{ sent: { params: {}, meta: {}, headers: {} }, hidden: { byPolicy: 0, byName: 0 }, statedReason: null },
      ...{ approvers: ['all'], quorum: 1, expiresAt: approval.expiresAt.toISOString(), owner: null },
    }),
    event('card.posted', 900, 'holdfast', { ...card, digest: posted, state: 'pending', revision: 1 }),
    event('approval.decided', 40_000, `slack:${approver}`, {
      ...{ choice: 'approve', reason: null, via: 'slack', self: false, userGroup: null, state: 'approved', quorum: 1 },
      ...{
        saw: { revision: 1, surface: 'card' },
        waitedMs: 40_000,
        card: { digest: posted, revision: 1, ...card },
        fingerprint,
      },
    }),
    event('call.dispatched', 40_050, 'holdfast', {
      ...{ joiner, policy: policyDigest, rule: `tools.${tool}`, limits: [] },
      ...{ votes: [{ approver, choice: 'approve', via: 'slack' }], waitedMs: 40_050 },
    }),
    event('call.succeeded', 40_400, 'holdfast', {
      ...{ bytes: 78, digest: sha256(`result ${nth}`), fingerprint, result: 'result', upstreamMs: 350 },
    }),
    event('approval.collected', 40_420, `grant:${grant}`, { joiner, state: 'succeeded', votes: 1 }),
    event('card.updated', 41_500, 'holdfast', { ...card, digest: updated, state: 'succeeded', revision: 4 }),
  ];
  const given = { ...own, approval };
  const vote = {
    approver,
    choice: 'approve',
    reason: null,
    via: 'slack',
    self: false,
    userGroup: null,
    at: after(40_000),
  } as const;
  const terms = { pickupUntil, awaits: null, questions: 0 };
  return {
    ...{ id, fingerprint, events, contents, vote },
    ...{
      request: given,
      joiner: newJoiner({ id: joiner, session: sha256(`session ${nth % 400}`), requestId: String(nth) }),
    },
    rows: {
      approval: {
        ...approvalValues(TEST_SEALS, given, newShownNow(TEST_SEALS, given), null),
        ...{ state: 'succeeded', revision: 4, state_revision: 4, shown: 4, request: null, pickup_until: pickupUntil },
        ...{ state_seal: TEST_SEALS.seal('state', stateText(id, 'succeeded', 4, terms)), updated_at: after(40_400) },
      },
      decision: {
        ...{ approval_id: id, approver, choice: 'approve', via: 'slack', self: false, at: vote.at },
        seal: TEST_SEALS.seal('decision', decisionText(id, vote)),
      },
      joiner: {
        ...{
          id: joiner,
          approval_id: id,
          session: sha256(`session ${nth % 400}`).slice(0, 32),
          request_id: String(nth),
        },
        ...{ replica: newJoiner().replica, joined_at: at, collected_at: after(40_420) },
      },
      card: { approval_id: id, channel: card.channel, ts, revision: 4, digest: updated, posted_at: after(900) },
      contents: contents.map((content) => ({
        digest: digestOf(content),
        approval_id: id,
        content,
        kept_at: after(900),
      })),
    },
  };
}

/** Writes what calls left in the tables, in as few statements as there are tables. Their events are written as others are. */
export async function writeFinished(db: Kysely<Tables>, calls: readonly FinishedCall[]): Promise<void> {
  const write = async (table: string, columns: readonly (readonly [string, string])[], rows: readonly object[]) => {
    const names = sql.raw(columns.map(([name]) => name).join(', '));
    // JSON comes as a text, which is what seals are over.
    const isJson = (type: string): boolean => type.startsWith('json');
    const types = sql.raw(columns.map(([name, type]) => `${name} ${isJson(type) ? 'text' : type}`).join(', '));
    const values = sql.raw(columns.map(([name, type]) => (isJson(type) ? `${name}::${type}` : name)).join(', '));
    await sql`insert into ${sql.table(`holdfast.${table}`)} (${names})
      select ${values} from json_to_recordset(${JSON.stringify(rows)}::json) as r(${types})`.execute(db);
  };
  const text = (...names: string[]) => names.map((name) => [name, 'text'] as const);
  const time = (...names: string[]) => names.map((name) => [name, 'timestamptz'] as const);
  const rows = calls.map((call) => call.rows);
  await write(
    'approvals',
    [...APPROVAL_COLUMNS, ['shown', 'int']],
    rows.map(({ approval }) => approval),
  );
  await write(
    'decisions',
    [...text('approval_id', 'approver', 'choice', 'via', 'seal'), ['self', 'boolean'], ...time('at')],
    rows.map(({ decision }) => decision),
  );
  await write(
    'joiners',
    [...text('id', 'approval_id', 'session', 'request_id', 'replica'), ...time('joined_at', 'collected_at')],
    rows.map(({ joiner }) => joiner),
  );
  await write(
    'cards',
    [...text('approval_id', 'channel', 'ts', 'digest'), ['revision', 'int'], ...time('posted_at')],
    rows.map(({ card }) => card),
  );
  await write(
    'card_contents',
    [...text('digest', 'approval_id', 'content'), ...time('kept_at')],
    rows.flatMap(({ contents }) => contents),
  );
}

/** What a card of a call with three arguments says, as Block Kit: while it waits, and when it is over. */
function cardOf(id: string, tool: string, what: string, args: Readonly<Record<string, string>>): string {
  const value = `${id}:${sha256(id).slice(0, 32)}`;
  const words = (text: string, style?: object) => ({ type: 'text', text, ...(style && { style }) });
  const marked = (text: string) => ({ type: 'mrkdwn', text, verbatim: true });
  const rich = (title: string, type: string, text: string) => ({
    type: 'rich_text',
    elements: [
      { type: 'rich_text_section', elements: [words(title, { bold: true })] },
      { type, elements: [words(text)] },
    ],
  });
  const button = (action_id: string, text: string, style?: string) => {
    return {
      type: 'button',
      action_id,
      text: { type: 'plain_text', text, emoji: false },
      value,
      ...(style && { style }),
    };
  };
  const fields = {
    Agent: '`agent`',
    'On behalf of': '<@U0SAM>',
    Server: '`tools`',
    Tool: `\`${tool}\``,
    Risk: 'not stated',
  };
  const blocks = [
    { type: 'header', text: { type: 'plain_text', text: `Approval ${what}: ${tool}`, emoji: false } },
    rich('Why it needs approval', 'rich_text_quote', `tools.${tool}: action is require_approval`),
    rich(
      'Arguments',
      'rich_text_preformatted',
      Object.entries(args)
        .map(([name, text]) => `${name}: "${text}"`)
        .join('\n'),
    ),
    { type: 'section', fields: Object.entries(fields).map(([name, text]) => marked(`*${name}*\n${text}`)) },
    {
      type: 'section',
      text: marked(
        `*${what}.* May approve: \`security\` (<@U0MIRA>, <@U0ALEX>, the admin), but not <@U0SAM>, whose agent it is.`,
      ),
    },
    { type: 'context', elements: [marked(`Request \`${id}\` · fingerprint \`${sha256(id).slice(0, 32)}\``)] },
    ...(what.startsWith('waits')
      ? [
          {
            type: 'actions',
            elements: [
              button('approve', 'Approve', 'primary'),
              button('deny', 'Deny…', 'danger'),
              button('counter', 'Deny with a change…', 'danger'),
              button('details', 'View details'),
            ],
          },
        ]
      : []),
  ];
  return JSON.stringify(blocks.map((block, n) => ({ ...block, block_id: `r1.${n}` })));
}

/** The same call, made with the store's verbs one after the other, as the use cases make it. */
export async function liveThrough(store: Store, nth: number): Promise<void> {
  const { id, request, joiner, events, contents, vote } = finishedCall(nth, new Date());
  const [requested, posted, decided, dispatched, succeeded, collected, updated] = events as [
    NewEvent,
    NewEvent,
    NewEvent,
    NewEvent,
    NewEvent,
    NewEvent,
    NewEvent,
  ];
  const opened = await store.open(request, joiner, ROOM, requested);
  if (opened.kind !== 'opened') throw new Error(`not opened but ${opened.kind}`);
  const particulars = { at: Date.now(), destinations: {}, amounts: {} };
  await store.keepFacts(id, { unusual: [], preview: null, particulars }, null);
  const card = ({ data, at }: NewEvent, revision: number) => {
    const { channel, ts, digest } = data as { channel: string; ts: string; digest: string };
    return { approval: id, channel, ts, digest, revision, postedAt: at };
  };
  await store.claimCard(id, { id: `ru_${nth}`, replica: 'here', ms: 60_000 });
  await store.saveCard(card(posted, 1), posted, contents[0], `ru_${nth}`);
  const pickupUntil = new Date(Date.now() + 3_600_000);
  let now = opened.approval;
  for (const [to, event, more] of [
    ['approved', decided, { decision: vote, patch: { pickupUntil } }],
    ['dispatched', dispatched, { patch: { pickupUntil, questions: 0, dispatcher: 'here', leaseUntil: pickupUntil } }],
    [
      'succeeded',
      succeeded,
      {
        patch: {
          leaseUntil: null,
          dispatcher: null,
          awaits: null,
          result: new Uint8Array(200),
          resultUntil: pickupUntil,
        },
      },
    ],
  ] as const) {
    const committed = await store.commit({ id, revision: now.revision, from: now.state, to, events: [event], ...more });
    if (committed.kind !== 'committed') throw new Error(`${to}: ${committed.kind}`);
    now = committed.approval;
  }
  await store.collected(joiner.id, collected);
  await store.claimCard(id, { id: `ru_${nth}`, replica: 'here', ms: 60_000 });
  await store.saveCard(card(updated, now.revision), updated, contents[1], `ru_${nth}`);
}
