export const RISKS = ['read', 'write', 'execute', 'financial', 'destructive'] as const;
export type Risk = (typeof RISKS)[number];
export const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];
