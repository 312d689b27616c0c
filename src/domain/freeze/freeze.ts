import { visible } from '../../text/visible.ts';
import { grantNameOf } from '../people/principal.ts';

/** What a freeze stops: everything, all calls of one server, or all of one grant: by its name all, by a principal's its own. */
export type FreezeScope =
  | { readonly kind: 'all' }
  | { readonly kind: 'server'; readonly name: string }
  | { readonly kind: 'grant'; readonly name: string };

/** A stop that an operator has set: nothing new is forwarded, and what is parked stays parked. */
export interface Freeze {
  readonly id: string;
  readonly scope: FreezeScope;
  /** 1 to 500 characters. */
  readonly reason: string;
  /** Who set it: a Slack user id, or `admin`. */
  readonly by: string;
  readonly since: Date;
}

/** Freezes that may be in force at once. */
export const MOST_FREEZES = 100;
/** Characters of a reason for a freeze or a thaw. */
export const LONGEST_FREEZE_REASON = 500;

/** Where a message goes, and for whom. */
export interface FrozenPlace {
  readonly server: string;
  /** The principal's name. */
  readonly grant: string;
}

/** The freeze that stops what this grant sends to this server, the widest one first; null: none does. */
export function freezeOver(freezes: readonly Freeze[], place: FrozenPlace): Freeze | null {
  return (
    freezes.find(({ scope }) => scope.kind === 'all') ??
    freezes.find(({ scope }) => scope.kind === 'server' && scope.name === place.server) ??
    freezes.find(({ scope }) => scope.kind === 'grant' && scope.name === grantNameOf(place.grant)) ??
    freezes.find(({ scope }) => scope.kind === 'grant' && scope.name === place.grant) ??
    null
  );
}

export function sameScope(one: FreezeScope, other: FreezeScope): boolean {
  return one.kind === other.kind && scopeName(one) === scopeName(other);
}

/** The server or grant that it names; null: everything. */
export function scopeName(scope: FreezeScope): string | null {
  return scope.kind === 'all' ? null : scope.name;
}

/** The server or grant that an event about a freeze of this scope is about. */
export function freezeSubject(scope: FreezeScope): { readonly server?: string; readonly grant?: string } {
  if (scope.kind === 'server') return { server: scope.name };
  return scope.kind === 'grant' ? { grant: scope.name } : {};
}

/** `everything`, `the server prometheus`, `the grant release-bot`. */
export function scopeWords(scope: FreezeScope): string {
  return scope.kind === 'all' ? 'everything' : `the ${scope.kind} ${scope.name}`;
}

/** By whom, since when and why, in one plain line without a full stop: `everything was frozen by admin since …: …`. */
export function freezeWords({ scope, by, since, reason }: Freeze): string {
  return `${scopeWords(scope)} is frozen by ${by} since ${since.toISOString().slice(0, 16).replace('T', ' ')} UTC: ${oneLineOf(reason)}`;
}

function oneLineOf(text: string): string {
  return visible(text.replaceAll(/\s+/g, ' ').trim());
}

/** A reason as it is kept, or what is wrong with it. Spaces at its ends are dropped, and what SQL cannot store. */
export function freezeReason(value: unknown): { readonly reason: string } | { readonly fault: string } {
  const form = `reason must be a text of 1 to ${LONGEST_FREEZE_REASON} characters. It is shown to agents and approvers, and logged.`;
  if (typeof value !== 'string') return { fault: form };
  const reason = value.replaceAll('\0', '').toWellFormed().trim();
  if (reason === '' || reason.length > LONGEST_FREEZE_REASON) return { fault: form };
  return { reason };
}
