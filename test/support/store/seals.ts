import { rowSeals } from '../../../src/vault/row-seals.ts';

export const TEST_SECRET = 'a secret of tests, long enough to derive keys from';

/** Seals of a store that no program opens. */
export const TEST_SEALS = rowSeals([TEST_SECRET]);
