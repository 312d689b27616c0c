import { missingText } from '../../domain/approval/tally.ts';
import { type Printed, printed } from '../../text/printed.ts';
import { cueText } from './cue-text.ts';
import type { ListedApproval, ListedRequirement } from './listed-approval.ts';

/** A name on the left, and what stands beside it, a line each. */
export type DetailEntry = readonly [name: string, lines: readonly (Printed | string)[]];

/** Whose call it is, what policy says of it, and who has to approve it until when. */
export function requirementEntries(approval: ListedApproval): DetailEntry[] {
  const { requirement, owner, risk, severity, rule, reason, cues = [], expiresAt, pickupUntil, note, card } = approval;
  return [
    ...(owner === undefined ? [] : [['owner', [ownerText(approval)]] as const]),
    ...(risk || severity
      ? [['risk', [printed`${risk ?? 'not stated'}, severity ${severity ?? 'not stated'}`]] as const]
      : []),
    ...(rule === undefined ? [] : [['rule', [rule]] as const]),
    ...(cues.length > 0 ? [['looks', cues.map((cue) => cueText(cue, true))] as const] : []),
    ...(reason ? [['policy says', [reason]] as const] : []),
    ...(requirement === undefined ? [] : [['needs', neededLines(requirement, approval)] as const]),
    ['expires', [printed`${expiresAt}${pickupUntil ? `; approved, it lapses at ${pickupUntil}` : ''}`]],
    ...(card === undefined ? [] : [['card', [cardText(card)]] as const]),
    ...(note ? [['note', [note]] as const] : []),
  ];
}

function ownerText({ owner, selfApproval }: ListedApproval): string {
  if (!owner) return 'none';
  return selfApproval ? `${owner}, who may approve it too (self_approval)` : `${owner}, who may not approve it`;
}

function neededLines(requirement: ListedRequirement, approval: ListedApproval): string[] {
  const { decisions } = approval;
  const { quorum, escalate } = requirement;
  const voted = decisions.filter(({ decision }) => decision === 'approve').map(voterText);
  const so =
    voted.length === 0
      ? 'nobody has approved yet'
      : `${countedOf(requirement, voted.length)} of ${quorum} approved: ${voted.join(', ')}`;
  const { places = [], standIns = [] } = requirement;
  const each =
    places.length === 0 ? `${quorum}` : places.map(({ group, people }) => `${people} of ${group}`).join(' and ');
  return [
    `${each}${places.length === 0 ? ' of' : ', from'} ${peopleText(requirement)}`,
    so,
    ...missingLine(requirement, approval),
    ...standIns.map(({ group, for: absent, by, until }) => `${by} stands in for ${absent} in ${group} until ${until}`),
    ...(escalate ? [`from ${escalate.at} also of ${peopleText(escalate)}`] : []),
    ...quietLine(requirement),
    ...signedLine(requirement),
    ...(requirement.denyReason === 'required' ? ['a denial needs a reason'] : []),
  ];
}

/** Who voted, and in whose place. */
function voterText({ approver, rights = [] }: ListedApproval['decisions'][number]): string {
  const others = rights.flatMap((right) => right.for ?? []);
  return others.length === 0 || others.length < rights.length
    ? approver
    : `${approver} in the place of ${others.join(', ')}`;
}

/** How many people the gateway counts: where groups have places, some votes may fill none. */
function countedOf({ quorum, places = [], missing = [] }: ListedRequirement, votes: number): number {
  return places.length === 0 ? votes : quorum - missing.reduce((total, { people }) => total + people, 0);
}

/** That others are asked than by day. */
function quietLine({ quiet }: ListedRequirement): string[] {
  if (!quiet) return [];
  const { from, to, zone, group, insteadOf } = quiet;
  return [`quiet hours (${from} to ${to} ${zone}): asked of ${group} instead of ${insteadOf.join(', ')}`];
}

/** That no command approves it, and what does. */
function signedLine({ stepUp }: ListedRequirement): string[] {
  if (!stepUp) return [];
  if (stepUp.origin === null) return ['each approval has to be signed, and nobody can sign at this gateway'];
  return [`each approval has to be signed with a passkey, in the console at ${stepUp.origin}`];
}

/** Who could still give what is missing. */
function missingLine(requirement: ListedRequirement, approval: ListedApproval): string[] {
  const { quorum, people, userGroups, admin, places = [] } = requirement;
  const { state, decisions, owner, selfApproval } = approval;
  const voted = new Set(decisions.filter(({ decision }) => decision === 'approve').map(({ approver }) => approver));
  const missing = quorum - voted.size;
  if (state !== 'pending') return [];
  const lacking = missingText({ missing: requirement.missing ?? [], orOf: requirement.missingOrOf ?? [] });
  if (places.length > 0) return lacking === '' ? [] : [lacking];
  if (missing < 1) return [];
  const may = (id: string): boolean => !voted.has(id) && (selfApproval === true || id !== owner);
  const who = [
    ...people.filter(may),
    ...userGroups.map((group) => `members of ${group}`),
    ...(admin && may('admin') ? ['admin'] : []),
  ];
  return [`missing: ${missing} of ${who.join(', ') || 'nobody, so it waits until it expires'}`];
}

function peopleText({
  approvers,
  people,
  userGroups,
  admin,
}: Pick<ListedRequirement, 'admin' | 'approvers' | 'people' | 'userGroups'>): string {
  const who = [...people, ...userGroups.map((group) => `members of ${group}`), ...(admin ? ['admin'] : [])];
  return `${approvers.join(', ')} (${who.join(', ') || 'nobody'})`;
}

function cardText(card: ListedApproval['card']): string {
  if (!card) return 'none was posted';
  return card.ts === null ? `in ${card.channel}, not known to be posted yet` : `in ${card.channel}, message ${card.ts}`;
}
