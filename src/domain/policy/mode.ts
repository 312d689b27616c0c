/** Whether what a server's policy, or one of its rules, says is done or only recorded. */
export const MODES = ['enforce', 'watch'] as const;
export type Mode = (typeof MODES)[number];
