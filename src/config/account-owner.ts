import { hash } from 'node:crypto';
import type { AgentAccount } from '../domain/people/access-token.ts';
import { markOf } from '../domain/people/principal.ts';
import type { Config, OAuthConfig, Person } from './config.ts';
import { idOfPerson, personAt } from './people.ts';

type Known = Pick<Config, 'oauth' | 'oidc' | 'people'>;

/** 30 characters: of the issuer, whose exchange ends what came from it, and of the account. */
export function accountMark({ issuer, subject }: Pick<AgentAccount, 'issuer' | 'subject'>): string {
  return `${issuerMark(issuer)}${digest(JSON.stringify([issuer, subject])).slice(0, 22)}`;
}

/** Whether a mark has the form of one. */
export function isAccountMark(mark: string): boolean {
  return /^[A-Za-z0-9_-]{30}$/.test(mark);
}

export function issuerMark(issuer: string): string {
  return digest(issuer).slice(0, 8);
}

function digest(text: string): string {
  return hash('sha256', text, 'base64url');
}

/**
 * An account is the person who has it as `oauth_subject`. Whoever has none is found as at the sign-in: by `subject` or `login`
 * where the console's provider is the same, because a name at one provider is nobody's at another; or by a verified address
 * where the file says so.
 */
export function personOfAgent(
  { people, oidc }: Known,
  { match }: OAuthConfig,
  { issuer, subject, email }: Pick<AgentAccount, 'email' | 'issuer' | 'subject'>,
): { readonly person: Person; readonly by: 'subject' | 'login' | 'email' } | null {
  const all = [...(people?.values() ?? [])];
  const named = all.find(({ oauthSubject }) => oauthSubject === subject);
  if (named !== undefined) return { person: named, by: 'subject' };
  const open = all.filter(({ oauthSubject }) => !oauthSubject);
  const sameProvider = !oidc || oidc.issuer === issuer;
  const pinned = sameProvider ? open.find((person) => person.subject === subject) : undefined;
  if (pinned !== undefined) return { person: pinned, by: 'subject' };
  const free = sameProvider ? open.filter((person) => !person.subject) : open;
  if (match === 'email') {
    const person = email === null ? undefined : free.find(({ login }) => login === email);
    return person === undefined ? null : { person, by: 'email' };
  }
  const person = sameProvider ? free.find(({ loginText }) => loginText === subject) : undefined;
  return person === undefined ? null : { person, by: 'login' };
}

/** Whose account a principal's is, where the file alone says so: it has its subject. null: it does not. */
export function ownerOfAccount(config: Known, principal: string): string | null {
  const found = personOfPrincipal(config, principal);
  return found === null ? null : idOfPerson(found);
}

/**
 * Whether the account of a principal still is that of whoever owned its call. Where an address led to the person, the file
 * does not tell: then it is, unless it is somebody else's, or the person has another account now.
 */
export function isStillOwner(config: Known, principal: string, owner: string | null): boolean {
  const { oauth, oidc, people } = config;
  const person = owner === null ? null : personAt(people, owner);
  if (person === null || !oauth) return false;
  const today = personOfPrincipal(config, principal);
  if (today !== null) return today === person;
  const isPinned = person.oauthSubject || ((!oidc || oidc.issuer === oauth.issuer) && person.subject);
  return oauth.match === 'email' && !isPinned;
}

function personOfPrincipal(config: Known, principal: string): Person | null {
  const { oauth, people } = config;
  const mark = markOf(principal);
  if (mark === null || !oauth || people === null) return null;
  const subject = subjectsOf(people, oauth.issuer).get(mark);
  if (subject === undefined) return null;
  return personOfAgent(config, oauth, { issuer: oauth.issuer, subject, email: null })?.person ?? null;
}

type Subjects = ReadonlyMap<string, string>;
const BY_PEOPLE = new WeakMap<object, { readonly issuer: string; readonly subjects: Subjects }>();

/** The subjects that the file has, by the marks of their accounts at this issuer. */
function subjectsOf(people: NonNullable<Known['people']>, issuer: string): Subjects {
  const known = BY_PEOPLE.get(people);
  if (known?.issuer === issuer) return known.subjects;
  const subjects = [...people.values()]
    .flatMap(({ oauthSubject, subject, loginText }) => [oauthSubject, subject, loginText])
    .filter((one) => typeof one === 'string');
  const found = { issuer, subjects: new Map(subjects.map((subject) => [accountMark({ issuer, subject }), subject])) };
  BY_PEOPLE.set(people, found);
  return found.subjects;
}
