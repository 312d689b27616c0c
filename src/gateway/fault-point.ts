/**
 * The steps between a request and its outcome at which a process may die. A test names one of them, and the process
 * ends there as if by kill -9; docs/operations.md says what everybody sees afterwards.
 */
export const FAULT_POINTS = [
  'open.before',
  'open.after',
  'publish.before',
  'publish.after',
  'post.before',
  'post.after',
  'decide.before',
  'decide.after',
  'wake.before',
  'dispatch.before',
  'dispatch.after',
  'send.after',
  'outcome.before',
  'outcome.after',
  'collect.before',
  'collect.after',
] as const;

export type FaultPoint = (typeof FAULT_POINTS)[number];
