import type { Kysely } from 'kysely';
import type { ProvenIdentity } from '../domain/people/identity.ts';
import type { EmailHolding, Seals } from '../ports.ts';
import { requireTaken } from './connection/not-taken.ts';
import { changeSet } from './log/sealed-set.ts';
import type { Beliefs } from './sets/beliefs.ts';
import { PERSON_EMAIL_SET, type PersonEmailRow, personEmailText } from './sets/person-email-set.ts';
import { lockSet, openSet } from './sets/set-table.ts';
import type { Tables } from './table/tables.ts';

type Account = Pick<ProvenIdentity, 'issuer' | 'subject'>;

/** To which accounts e-mail addresses of the config's people belong: they are as few as these. They are believed as a set: without one of its rows its address would be free. */
export class PersonEmails {
  readonly #db: Kysely<Tables>;
  readonly #seals: Seals;
  readonly #beliefs: Pick<Beliefs, 'wholeRows'>;
  #begun: Promise<void> | null = null;

  constructor(db: Kysely<Tables>, seals: Seals, beliefs: Pick<Beliefs, 'wholeRows'>) {
    this.#db = db;
    this.#seals = seals;
    this.#beliefs = beliefs;
  }

  async hold(email: string, account: Account, at: Date): Promise<EmailHolding> {
    await this.#opened();
    const known = heldIn(await this.#beliefs.wholeRows(PERSON_EMAIL_SET), email, account);
    return known ?? this.#take(email, account, at);
  }

  /** The first account that comes with an address takes it. */
  #take(email: string, { issuer, subject }: Account, at: Date): Promise<EmailHolding> {
    return this.#db.transaction().execute(async (trx) => {
      await lockSet(trx, PERSON_EMAIL_SET.name);
      const rows = await this.#beliefs.wholeRows(PERSON_EMAIL_SET, trx);
      const known = heldIn(rows, email, { issuer, subject });
      if (known !== null) return known;
      const row = { email, issuer, subject, at };
      const seal = this.#seals.seal('row', personEmailText(row));
      const added = await trx
        .insertInto('holdfast.person_emails')
        .values({ ...row, seal })
        .onConflict((conflict) => conflict.column('email').doNothing())
        .executeTakeFirst();
      // An operator has accepted a store in which this address belongs to nobody.
      if (added.numInsertedOrUpdatedRows === 0n) return 'of_another';
      requireTaken('person_emails', added.numInsertedOrUpdatedRows, 1);
      await changeSet(trx, this.#seals, PERSON_EMAIL_SET.name, { added: [personEmailText(row)] });
      return 'held';
    });
  }

  async #opened(): Promise<void> {
    this.#begun ??= openSet(this.#db, this.#seals, PERSON_EMAIL_SET);
    await this.#begun.catch((error: unknown) => {
      this.#begun = null;
      throw error;
    });
  }
}

/** null: nobody has the address, and the account has none. */
function heldIn(rows: readonly PersonEmailRow[] | null, email: string, account: Account): EmailHolding | null {
  if (rows === null) return 'not_whole';
  const isOwn = (row: PersonEmailRow): boolean => row.issuer === account.issuer && row.subject === account.subject;
  const holder = rows.find((row) => row.email === email);
  if (holder !== undefined) return isOwn(holder) ? 'held' : 'of_another';
  return rows.some(isOwn) ? 'has_another' : null;
}
