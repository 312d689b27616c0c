import { RISKS } from '../../domain/tool/risk.ts';
import type { PendingFilter } from '../../ports.ts';

const INBOX_FIELDS = ['text', 'server', 'tool', 'agent', 'risk', 'mine', 'snoozed', 'after'] as const;
type InboxField = (typeof INBOX_FIELDS)[number];
/** What the inbox shows, as the page's address holds it, so that a link can be saved and sent. */
export type InboxQuery = Readonly<Partial<Record<InboxField, string>>>;

/** What a rule's risk can be chosen as; `unstated` where it states none. */
export const RISK_CHOICES = [...RISKS, 'unstated'] as const;

/** Characters; the rest of a longer field is dropped. */
const MAX_FIELD_LENGTH = 300;

/** Reads what to show. Ignores unknown parameters, and a risk that there is not. */
export function parseInboxQuery(parameters: (name: string) => string | undefined): InboxQuery {
  const query: Partial<Record<InboxField, string>> = {};
  for (const field of INBOX_FIELDS) {
    const value = parameters(field)?.slice(0, MAX_FIELD_LENGTH).toWellFormed().trim();
    if (value !== undefined && value !== '') query[field] = value;
  }
  if (riskOf(query) === undefined) delete query.risk;
  return query;
}

/** Most approvals that a live page says it shows. */
const MOST_SHOWN = 200;

/** The approvals that a live page shows, with their revisions: `ap_…:3,ap_…:1`. What is not of this form is left out. */
export function parseShown(header: string | undefined): ReadonlyMap<string, number> {
  const pairs = (header ?? '').split(',', MOST_SHOWN).map((part) => /^(ap_[0-9a-z]{1,60}):(\d{1,9})$/.exec(part));
  return new Map(pairs.filter((pair) => pair !== null).map(([, id, revision]) => [id!, Number(revision)]));
}

export function pendingFilter(query: InboxQuery): PendingFilter {
  const { text, server, tool, agent } = query;
  return { text, server, tool, grant: agent, risk: riskOf(query), mine: query.mine === undefined ? undefined : true };
}

function riskOf({ risk }: InboxQuery): (typeof RISK_CHOICES)[number] | undefined {
  return RISK_CHOICES.find((known) => known === risk);
}

/** Whether anything is left out. */
export function isFiltered({ after: _, snoozed: __, ...rest }: InboxQuery): boolean {
  return Object.keys(rest).length > 0;
}

/** The address of the inbox with some fields changed; an empty text removes one. */
export function inboxLink(query: InboxQuery, changes: InboxQuery): string {
  const fields = Object.entries({ ...query, ...changes }).filter(([, value]) => value !== '');
  const text = new URLSearchParams(fields).toString();
  return text === '' ? '/' : `/?${text}`;
}
