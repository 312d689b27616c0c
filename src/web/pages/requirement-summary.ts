import { html } from 'hono/html';
import type { Approval, Requirement } from '../../domain/approval/approval.ts';
import { approvalsCounted } from '../../domain/approval/quorum.ts';
import type { Html } from '../html/html.ts';
import { durationText } from '../html/time.ts';
import { visibleName } from '../html/visible-text.ts';

/** How many of the required approvals there are, and who may approve, also after escalation. */
export function requirementSummary(approval: Approval): Html {
  const { requirement } = approval;
  const given = approvalsCounted(approval.decisions);
  const { escalate } = requirement;
  return html`<b>${given} of ${requirement.quorum}</b> from ${approvers(requirement, requirement.names)}${
    escalate === null
      ? ''
      : html`; after ${durationText(escalate.afterMs)} also ${approvers(escalate, requirement.names)}`
  }${requirement.stepUp === undefined ? '' : html`; <b>each signed with a passkey</b>`}`;
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
