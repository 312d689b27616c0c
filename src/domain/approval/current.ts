import type { Escalation } from './approval.ts';
import type { Circle, GroupPlace } from './circle.ts';
import type { Signing } from './signing.ts';

/**
 * Who may decide by today's configuration. A decision counts only where this and the frozen requirement both admit its
 * person: at the click, and again when the pass is spent.
 */
export interface CurrentApprovers extends Circle {
  readonly escalate: Omit<Escalation, 'groups'> | null;
  /** Today's people of the groups that have places in the frozen requirement; absent: none has, and nobody fills one. */
  readonly places?: readonly Omit<GroupPlace, 'count'>[];
  /** Today's owner of the calling grant, and whether he may approve its calls. null: it has none, or is gone. */
  readonly owner: string | null;
  readonly selfApproval: boolean;
  readonly persons: Persons;
  /** By what signatures are judged; absent: no signature counts. */
  readonly signing?: Signing;
}

/** The humans that the configuration knows, by every way in which one can come. */
export interface Persons {
  /** From a way (a Slack id, a login in lower case, or `admin` for the admin token) to the person's name. */
  readonly names: ReadonlyMap<string, string>;
  /** Names of persons whose roles do not let them approve. */
  readonly barred: ReadonlySet<string>;
  readonly adminToken: AdminToken;
}

/**
 * Whose word the admin token is.
 *
 * | value | its approval |
 * |---|---|
 * | `closed` | counts nowhere: no token is set, so nobody can stand by what it said |
 * | `nobody` | counts nowhere: the configuration knows its people, and says of none that the token is theirs |
 * | `somebody` | counts where a group lists `admin`, but may be anybody's: it adds nothing to the votes of others |
 * | `a person` | counts where a group lists `admin`, as the vote of the person that `names` gives for `admin` |
 */
export type AdminToken = 'closed' | 'nobody' | 'somebody' | 'a person';

/** No people are configured. */
export const STRANGERS: Persons = { names: new Map(), barred: new Set(), adminToken: 'somebody' };

/** The admin token's own way, and the name of the person that holds it and is none of the others. */
export const ADMIN = 'admin';

/** Every id under which this person comes, that one included. */
export function waysOfPerson(persons: Pick<Persons, 'names'>, id: string): readonly string[] {
  const person = personOf(persons, id);
  return [...new Set([id, ...[...persons.names].filter(([, name]) => name === person).map(([way]) => way)])];
}

/** The person behind an id: a name of the configuration, else the id itself. */
export function personOf({ names }: Pick<Persons, 'names'>, id: string): string {
  return names.get(id) ?? id;
}
