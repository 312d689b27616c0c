import { isObject, type Json, member } from '../../domain/json/json.ts';

/** Whether a client that states these capabilities answers forms; one that names no mode means forms. */
export function answersForms(capabilities: Json | undefined): boolean {
  const elicitation = member(capabilities, 'elicitation');
  if (!isObject(elicitation)) return false;
  return Object.keys(elicitation).length === 0 || isObject(member(elicitation, 'form'));
}
