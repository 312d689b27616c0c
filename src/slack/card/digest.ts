import { createHash } from 'node:crypto';
import { type Approval, isOver } from '../../domain/approval/approval.ts';
import { type BurstKind, withoutDigestMark } from '../../domain/approval/burst.ts';
import { FORGED_WORDS, isForged } from '../../domain/approval/forged.ts';
import { jsonBeginning } from '../../domain/json/beginning.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import { grantNameOf } from '../../domain/people/principal.ts';
import { summaryText } from '../../domain/policy/summary.ts';
import type { CardRecord, TogetherOnCard, ToldTogether } from '../../ports.ts';
import { cut } from '../../text/cut.ts';
import { glance as glanceAt } from '../../text/glance.ts';
import { plural } from '../../text/plural.ts';
import { leftToRight, visible } from '../../text/visible.ts';
import { actions, type Block, button, context, header, LIMIT, numbered, section } from './block-kit.ts';
import { buttonValue } from './button.ts';
import type { RenderedCard } from './card.ts';
import { codeSpan, escapedMrkdwn, localTime, personMention } from './escape.ts';
import { approverList, cueNotes } from './sections.ts';
import { headline, quorumSoFar } from './story.ts';
import { replyAfter, type ThreadProgress, type ThreadReply, threadProgress } from './thread.ts';

/** Characters of a call's arguments in its line, and of the policy's sentence: as many of these as fit. */
const GLANCES = [140, 60, 20, 0] as const;
/** Hex digits of a salt. */
const SALT = 32;
/** Characters of JSON, as for a card. */
const BUDGET = 10_000;

/**
 * Several calls in one message: a line for each, as it stands, with a button that opens it in full. Nothing is decided on
 * the message itself, because none of its calls is shown there in full (P10). Pure.
 */
export function renderDigest(told: ToldTogether, where: { readonly publicUrl: string | null }): RenderedCard {
  let card = digestWith(told, where, GLANCES[0]);
  for (const glance of GLANCES.slice(1)) {
    if (card.content.length <= BUDGET) break;
    card = digestWith(told, where, glance);
  }
  return card;
}

function digestWith(
  { kind, calls }: ToldTogether,
  { publicUrl }: { readonly publicUrl: string | null },
  glance: number,
): RenderedCard {
  const waiting = calls.filter(({ approval }) => approval.state === 'pending' && !isForged(approval));
  const [first] = calls;
  // All of them ask the same people.
  const asked = waiting[0]?.approval.requirement;
  const title = `${waiting.length > 0 ? `${waiting.length} of ${calls.length}` : `${calls.length}`} calls ${waiting.length > 0 ? 'wait' : 'together'}: ${nameOf(kind, first!.approval)}`;
  const parts: Block[] = [
    header(cut(title, LIMIT.header)),
    section(
      'They came in a burst, so they are told here together. Each is a question of its own: open one, or look at all of them in full and tick those that you decide.',
    ),
    ...(asked === undefined ? [] : [section(`May approve: ${approverList(asked, asked.names)}.`)]),
    ...(waiting.length < 2 ? [] : [decideRow(first!.approval, waiting.length)]),
    ...calls.map((call) => line(kind, call, glance)),
    ...(publicUrl === null ? [] : [context([`<${publicUrl}/?${alikeQuery(kind, first!.approval)}|Open the inbox>`])]),
  ];
  const revision = calls.reduce((sum, { approval }) => sum + approval.revision, 0);
  const blocks = numbered(parts, revision % 1_000_000_000, saltOf(calls));
  const content = JSON.stringify(blocks);
  const digest = createHash('sha256').update(content).digest('hex');
  return { text: cut(escapedMrkdwn(title), LIMIT.message), blocks, content, digest, complete: false };
}

/** Made from all their salts, so that knowing the others' is of no use to anybody. null: none of the calls has one. */
function saltOf(calls: ToldTogether['calls']): string | null {
  const salts = calls.flatMap(({ approval }) => (isForged(approval) ? [] : (approval.trace.salt ?? [])));
  return salts.length === 0 ? null : createHash('sha256').update(salts.join()).digest('hex').slice(0, SALT);
}

function nameOf(kind: BurstKind, { grant, server, tool }: Approval): string {
  return visible(leftToRight(kind === 'grant' ? `agent ${grantNameOf(grant)}` : `${server}.${tool}`));
}

/** The part of the inbox with what these calls have in common. mrkdwn. */
function alikeQuery(kind: BurstKind, { grant, server, tool }: Approval): string {
  if (kind === 'grant') return `agent=${encodeURIComponent(grantNameOf(grant))}`;
  return `server=${encodeURIComponent(server)}&amp;tool=${encodeURIComponent(tool)}`;
}

/** The buttons carry the first call only by name: what they open is read from the store. */
function decideRow(leader: Approval, count: number): Block {
  const value = buttonValue(leader);
  return actions([
    button({ action: 'approve_these', text: `Approve these ${count}…`, value, style: 'primary' }),
    button({ action: 'deny_these', text: 'Deny these…', value, style: 'danger' }),
  ]);
}

function line(kind: BurstKind, { approval, freeze }: TogetherOnCard, glance: number): Block {
  if (isForged(approval)) {
    return section(
      `🛑 ${codeSpan(approval.id)}: its record ${FORGED_WORDS[approval.broken ?? 'state']}. Nothing of it runs.`,
    );
  }
  const { server, tool, grant, owner, state, trace, requirement, fingerprint } = approval;
  const what = kind === 'grant' ? `${server}.${tool}` : grantNameOf(grant);
  const whose = kind === 'grant' || owner === null ? '' : ` of ${personMention(owner)}`;
  const words = trace.summary === undefined || glance === 0 ? null : glanceAt(summaryText(trace.summary), glance);
  const args = glance === 0 ? null : glanceAt(jsonBeginning(approval.arguments, glance), glance);
  const notes = [
    ...cueNotes(approval),
    state === 'pending' ? `${quorumSoFar(approval)}, until ${localTime(approval.expiresAt)}` : headline(approval),
    ...(state === 'pending' && requirement.stepUp !== undefined ? ['🔏 has to be signed'] : []),
    ...(state === 'pending' && requirement.quiet !== undefined
      ? [`🌙 asked of ${codeSpan(requirement.quiet.group)}`]
      : []),
    ...(freeze === null ? [] : ['❄ frozen']),
    ...(state === 'pending' && approval.previousUnknown !== null ? ['⚠ the same call before it may have run'] : []),
    `fingerprint ${codeSpan(fingerprint.slice(0, 12))}`,
  ];
  const text = [
    `${codeSpan(cut(visible(what), 80))}${whose}`,
    ...(words === null ? [] : [codeSpan(words)]),
    ...(args === null ? [] : [codeSpan(args)]),
    notes.join(' · '),
  ];
  const open = isOver(state)
    ? {}
    : { accessory: button({ action: 'details', text: 'Open…', value: buttonValue(approval) }) };
  return { ...section(text.join('\n')), ...open } as JsonObject;
}

/** What the thread of a digest had said of a call when its record was saved. */
export function toldProgress(card: CardRecord | null): ThreadProgress {
  return threadProgress(withoutDigestMark(card?.digest ?? ''));
}

/** Reminders and escalations that were not told yet: those of the first, and how many more; null: there is none. */
export function digestReply(calls: readonly TogetherOnCard[]): ThreadReply | null {
  const replies = calls.flatMap(({ approval, card }) => {
    const { state, decisions, answers } = approval;
    const progress = { ...toldProgress(card), state, votes: decisions.length, answers: answers.length };
    const reply = card === null ? null : replyAfter(progress, approval);
    return reply === null ? [] : [{ approval, reply }];
  });
  const [first] = replies;
  if (first === undefined) return null;
  const more = replies.length - 1;
  const rest = more === 0 ? '' : `\nThe same of ${more} ${plural(more, 'more call')} of this list.`;
  const text = cut(
    `${codeSpan(`${first.approval.server}.${first.approval.tool}`)}: ${first.reply.text}${rest}`,
    LIMIT.section,
  );
  return { text, blocks: [section(text)] };
}
