import { html } from 'hono/html';
import type { Approval, Requirement } from '../../domain/approval/approval.ts';
import { approvalsCounted } from '../../domain/approval/quorum.ts';
import { span } from '../html/instant.ts';
import { type Html, name } from '../html/shown.ts';

/** Who may approve and how many are needed, with how many have. */
export function requirementWords(approval: Approval): Html {
  const { requirement } = approval;
  const have = approvalsCounted(approval.decisions);
  const late = requirement.escalate;
  return html`<b>${have} of ${requirement.quorum}</b> from ${circle(requirement)}${
    late === null ? '' : html`; after ${span(late.afterMs)} also ${circle(late)}`
  }`;
}

function circle(of: Pick<Requirement, 'groups' | 'people' | 'userGroups' | 'admin'>): Html {
  const members = [...of.people, ...of.userGroups, ...(of.admin ? ['admin'] : [])];
  return html`${listed(of.groups)}${members.length === 0 ? '' : html` <span class="dim">(${listed(members)})</span>`}`;
}

function listed(names: readonly string[]): Html {
  return html`${names.map((one, i) => html`${i === 0 ? '' : ', '}${name(one)}`)}`;
}
