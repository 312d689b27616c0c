import { comparedEmail } from '../domain/people/email.ts';
import type { Config, Person } from './config.ts';
import { PersonShape } from './config-schema.ts';
import type { Key } from './document/fault.ts';
import { checkShape, entriesOf, type FaultList, isNow } from './document/shape.ts';

export const SLACK_ID = /^[UW][A-Z0-9]{2,20}$/;
/** What is no Slack id of a person or a user group, and none of the words that stand where a name may. */
const NAME = /^(?!([UWS][A-Z0-9]{2,20}|admin|none|holdfast)$)[A-Za-z][\w.-]{0,63}$/;
const NAME_FORM = 'a name of letters, digits and _ . - that is no Slack id, and not admin, none or holdfast';

/**
 * The file's `people`: each joins the ways of one human. A way belongs to one person only: a Slack id, a login or the
 * admin token that stands twice is a fault, because one vote would be two persons'. null: the file has none.
 */
export function peopleOf(value: unknown, faults: FaultList): ReadonlyMap<string, Person> | null {
  if (value === undefined) return null;
  const people = new Map<string, Person>();
  const owners = new Map<string, string>();
  const claim = (way: string | null, name: string, at: readonly Key[], what: string): void => {
    if (way === null) return;
    const key = `${what} ${way}`;
    const other = owners.get(key);
    if (other !== undefined) faults.add(at, `${other} has the same ${what}`, 'one that no other person has');
    owners.set(key, name);
  };
  for (const [name, entry] of entriesOf(value, ['people'], 'a map from name to { slack, login, roles }', faults)) {
    const at = ['people', name];
    if (!NAME.test(name)) faults.addKey(at, `${isNow(name)}`, NAME_FORM);
    const shape = checkShape(PersonShape, entry, at, faults);
    if (shape === null) continue;
    const person = personFrom(name, shape);
    if (person.subject && person.login === null)
      faults.add(at, 'has a subject and no login', 'login as well: it stands for the person in the log');
    if (person.slack === null && person.login === null)
      faults.add(at, 'has neither slack nor login', 'slack, login or both');
    claim(person.slack, name, [...at, 'slack'], 'Slack id');
    claim(person.login, name, [...at, 'login'], 'login');
    claim(person.subject ?? null, name, [...at, 'subject'], 'subject');
    claim(person.oauthSubject ?? null, name, [...at, 'oauth_subject'], 'oauth_subject');
    claim(person.adminToken ? '' : null, name, [...at, 'admin_token'], 'admin token');
    people.set(name, person);
  }
  return people;
}

function personFrom(name: string, { slack, login, subject, oauth_subject, roles, admin_token }: PersonShape): Person {
  return {
    name,
    slack: slack ?? null,
    login: login ? comparedEmail(login) : null,
    loginText: login ?? null,
    subject: subject ?? null,
    oauthSubject: oauth_subject ?? null,
    roles: new Set(roles ?? ['approver']),
    adminToken: admin_token ?? false,
  };
}

/** What stands for a person in a list of approvers, and as an owner. */
export function idOfPerson({ slack, login, name }: Person): string {
  return slack ?? login ?? name;
}

/** The person who comes this way; null: nobody is known by it. */
export function personAt(people: Config['people'], id: string): Person | null {
  for (const person of people?.values() ?? []) {
    if (person.slack === id || person.login === id || (person.adminToken && id === 'admin')) return person;
  }
  return null;
}

/** The owner that a grant names: a Slack id, a person's name, or none. */
export function ownerOf(owner: string, at: readonly Key[], people: Config['people'], faults: FaultList): string | null {
  if (owner === 'none') return null;
  if (SLACK_ID.test(owner)) return owner;
  const person = people?.get(owner);
  if (person !== undefined) return idOfPerson(person);
  const known = people === null ? '' : `, one of the people (${[...people.keys()].join(', ')})`;
  faults.add(at, isNow(owner), `a Slack id such as U0SAM${known}, or none`);
  return null;
}
