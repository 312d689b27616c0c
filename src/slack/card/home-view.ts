import type { Approval } from '../../domain/approval/approval.ts';
import { isForged } from '../../domain/approval/forged.ts';
import { jsonBeginning } from '../../domain/json/beginning.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import { grantNameOf } from '../../domain/people/principal.ts';
import { summaryText } from '../../domain/policy/summary.ts';
import { cut } from '../../text/cut.ts';
import { glance } from '../../text/glance.ts';
import { plural } from '../../text/plural.ts';
import { actions, type Block, button, context, header, LIMIT, section } from './block-kit.ts';
import { buttonValue } from './button.ts';
import { codeSpan, escapedMrkdwn, localTime, personMention } from './escape.ts';
import { cueNotes } from './sections.ts';
import { quorumSoFar } from './story.ts';

/** Calls on a person's Home: Slack takes 100 blocks, and each takes three. */
export const MOST_ON_HOME = 20;
/**
 * Characters of a call's arguments, and of the policy's sentence, as many as fit once they are escaped: the full view has all
 * of it. Of a view with one section that is too long Slack takes nothing.
 */
const GLANCES = [300, 120, 40, 0] as const;

/** What waits for one person. */
export interface WaitingForPerson {
  /** Oldest first, at most `MOST_ON_HOME`. */
  readonly calls: readonly Approval[];
  /** How many wait for them in all. */
  readonly total: number;
}

export type HomeView = JsonObject;

/** A person's inbox. Nothing is decided here: every button opens the call in full (P10). Pure. */
export function homeView({ calls, total }: WaitingForPerson, publicUrl: string | null): HomeView {
  const more = total - calls.length;
  const console_ = publicUrl === null ? '' : ` <${publicUrl}/?mine=yes|The console> has all of them.`;
  const blocks: Block[] = [
    header(
      total === 0
        ? 'Nothing waits for you'
        : `${total} ${plural(total, 'call')} ${total === 1 ? 'waits' : 'wait'} for you`,
    ),
    context(['Oldest first. Each button opens the call in full.']),
    ...calls.flatMap(callBlocks),
    ...(more <= 0 ? [] : [section(`*${more} more did not fit here.*${console_}`)]),
  ];
  return { type: 'home', blocks };
}

/** What somebody sees who may decide nothing here. It tells nothing of any call. mrkdwn. */
export function closedHome(why: string): HomeView {
  return { type: 'home', blocks: [section(why)] };
}

function callBlocks(approval: Approval): Block[] {
  if (isForged(approval))
    return [section(`🛑 ${codeSpan(approval.id)}: its record was changed outside Holdfast. Nothing of it runs.`)];
  const { server, tool, grant, owner, trace, requirement, createdAt, expiresAt } = approval;
  const value = buttonValue(approval);
  const whose = owner === null ? '' : ` on behalf of ${personMention(owner)}`;
  const risk = [trace.risk ?? 'risk not stated', trace.severity && `${trace.severity} severity`]
    .filter(Boolean)
    .join(', ');
  const [words, args] = [summaryText(trace.summary ?? []), jsonBeginning(approval.arguments, GLANCES[0])];
  const textAt = (most: number): string =>
    [
      `${codeSpan(cut(`${server}.${tool}`, 200))} for ${codeSpan(cut(grantNameOf(grant), 100))}${whose} · ${escapedMrkdwn(risk)}`,
      ...(trace.summary === undefined || most === 0 ? [] : [codeSpan(glance(words, most))]),
      ...(most === 0 ? [] : [codeSpan(glance(args, most))]),
      [
        ...cueNotes(approval),
        `Asked ${localTime(createdAt)}`,
        quorumSoFar(approval),
        `until ${localTime(expiresAt)}`,
      ].join(' · '),
    ].join('\n');
  const text = GLANCES.map(textAt).find((one) => one.length <= LIMIT.section) ?? textAt(0).slice(0, LIMIT.section);
  const decides =
    requirement.stepUp === undefined
      ? [button({ action: 'review', text: 'Review and approve…', value, style: 'primary' })]
      : requirement.stepUp.origin === null
        ? []
        : [
            button({
              action: 'sign',
              text: 'Review and sign…',
              url: `${requirement.stepUp.origin}/approvals/${encodeURIComponent(approval.id)}`,
              style: 'primary',
            }),
          ];
  const deny = button({ action: 'deny', text: 'Deny…', value, style: 'danger' });
  const details = button({ action: 'details', text: 'View details', value });
  return [{ type: 'divider' }, section(text), actions([...decides, deny, details])];
}
