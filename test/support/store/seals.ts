import { rowSeals } from '../../../src/vault/row-seals.ts';

/** Seals of a store that no program opens. */
export const TEST_SEALS = rowSeals(['a secret of tests, long enough to derive keys from']);
