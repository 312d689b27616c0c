import type { GivenAnswer } from '../../domain/approval/answer.ts';
import { isObject, type Json, member } from '../../domain/json/json.ts';

/** An answer as an element of the column `answers`. */
export interface SealedAnswer extends GivenAnswer {
  readonly seal: string;
}

export interface BelievedAnswers {
  /** Those whose seals fit, in their order. */
  readonly answers: readonly GivenAnswer[];
  /** Some are left out: no gateway wrote them. */
  readonly foreign: boolean;
  /** Some are left out that have no seal, as those from before answers had seals. */
  readonly unsealed: boolean;
}

/** `fits`: whether this is the seal of this answer of the call. */
export function believedAnswers(
  column: readonly Json[],
  fits: (answer: GivenAnswer, seal: string) => boolean,
): BelievedAnswers {
  let [foreign, unsealed] = [false, false];
  const answers = column.flatMap((element) => {
    const { answer, seal } = partsOf(element);
    if (answer !== null && seal !== null && fits(answer, seal)) return [answer];
    if (seal === null) unsealed = true;
    else foreign = true;
    return [];
  });
  return { answers, foreign, unsealed };
}

function partsOf(element: Json): { readonly answer: GivenAnswer | null; readonly seal: string | null } {
  if (!isObject(element)) return { answer: null, seal: null };
  const { at, leg, digest, text } = element;
  const seal = member(element, 'seal');
  const isAnswer =
    typeof at === 'string' &&
    typeof digest === 'string' &&
    typeof text === 'string' &&
    (leg === null || typeof leg === 'string');
  return { answer: isAnswer ? { at, leg, digest, text } : null, seal: typeof seal === 'string' ? seal : null };
}
