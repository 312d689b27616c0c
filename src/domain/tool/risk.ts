/** What a tool does to the world. */
export const RISKS = ['read', 'write', 'execute', 'financial', 'destructive'] as const;
export type Risk = (typeof RISKS)[number];

/** How much harm one wrong call can do. */
export const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];
