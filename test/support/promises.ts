import { sources, textOf } from './house.ts';

/** The ten promises; README.md gives them in full. */
export const PROMISES = {
  P1: 'no approval, no call',
  P2: 'at most once',
  P3: 'decided once',
  P4: 'nothing lost',
  P5: 'limits hold',
  P6: 'fail closed',
  P7: 'audit first',
  P8: 'secrets stay',
  P9: 'transparent',
  P10: 'honest cards',
} as const;

export type PromiseName = keyof typeof PROMISES;

export interface Guard {
  readonly promise: PromiseName;
  readonly file: string;
  readonly name: string;
}

const NAMED = /\b(?:test|it|describe)\(\s*(['"`])((P(?:10|[1-9])): (?:\\.|(?!\1)[\s\S])*)\1/g;

/** Every test whose name starts with a promise's number. */
export function guards(): Guard[] {
  return sources('test')
    .filter((file) => file.endsWith('.test.ts'))
    .flatMap((file) =>
      [...textOf(file).matchAll(NAMED)].map((match) => ({ promise: match[3] as PromiseName, file, name: match[2]! })),
    );
}
