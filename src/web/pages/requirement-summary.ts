import { html } from 'hono/html';
import type { Approval, Requirement } from '../../domain/approval/approval.ts';
import { standInsOf } from '../../domain/approval/circle.ts';
import { missingText, tallyOf } from '../../domain/approval/tally.ts';
import { plural } from '../../text/plural.ts';
import type { Html } from '../html/html.ts';
import { durationText, timestamp, zone } from '../html/time.ts';
import { visibleName } from '../html/visible-text.ts';

/** How many of the required approvals there are, and who may approve, also after escalation. */
export function requirementSummary(approval: Approval): Html {
  const { requirement } = approval;
  const tally = tallyOf(approval);
  const { escalate } = requirement;
  const lacking = approval.state === 'pending' ? missingText(tally) : '';
  return html`<b>${tally.people} of ${requirement.quorum}</b> ${plural(requirement.quorum, 'approval')}${placesText(requirement)} from ${approvers(requirement, requirement.names)}${
    escalate === null
      ? ''
      : html`; after ${durationText(escalate.afterMs)} also ${approvers(escalate, requirement.names)}`
  }${quietWords(requirement)}${requirement.stepUp === undefined ? '' : html`; <b>each signed with a passkey</b>`}${lacking === '' ? '' : html`<br><b>${visibleName(lacking)}</b>`}${standInLines(requirement)}`;
}

/** That others are asked than by day. */
function quietWords({ quiet }: Requirement): Html | string {
  if (quiet === undefined) return '';
  return html`; <b>quiet hours</b> <span class="dim">(${visibleName(`${quiet.from} to ${quiet.to} ${quiet.zone}`)})</span>, so not of ${listed(quiet.insteadOf)}`;
}

/** How many of each group, where groups have places. */
function placesText({ places }: Requirement): Html | string {
  if (places === undefined) return '';
  return html` (${listed(places.map(({ group, count }) => `${count} of ${group}`))})`;
}

/** Who stands in for whom, a line each. */
function standInLines({ names = {}, escalate, ...requirement }: Requirement): Html {
  return html`${standInsOf([requirement, escalate]).map(
    (each) =>
      html`<br><span class="dim">${visibleName(namedPerson(each.by, names))} stands in for ${visibleName(namedPerson(each.for, names))} in ${visibleName(each.group)} until ${timestamp(new Date(each.until))} ${zone()}</span>`,
  )}`;
}

function approvers(
  eligible: Pick<Requirement, 'groups' | 'people' | 'userGroups' | 'admin'>,
  names: Requirement['names'] = {},
): Html {
  const members = [
    ...eligible.people.map((id) => namedPerson(id, names)),
    ...eligible.userGroups,
    ...(eligible.admin ? ['admin'] : []),
  ];
  return html`${listed(eligible.groups)}${members.length === 0 ? '' : html` <span class="dim">(${listed(members)})</span>`}`;
}

function listed(names: readonly string[]): Html {
  return html`${names.map((name, i) => html`${i === 0 ? '' : ', '}${visibleName(name)}`)}`;
}

/** A person by the name that the config gave, with the id: `mira (U0MIRA)`. */
function namedPerson(id: string, names: NonNullable<Requirement['names']>): string {
  return Object.hasOwn(names, id) ? `${names[id]} (${id})` : id;
}
