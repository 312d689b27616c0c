import { ROLES, type Role } from './role.ts';

/** Paths are matched whole; `*` stands for one segment, `**` at the end for any number of them. */
type Rule = readonly [methods: string, path: string, roles: readonly Role[]];

const ANYBODY = ROLES;

/**
 * What each role opens, for console, API and command line: the one place that says so. A path that is not here is closed to
 * people. What a person may do beyond the door is judged by the use case as well: who is an approver of this call, who an
 * operator.
 */
const RULES: readonly Rule[] = [
  ['GET', '/api/approvals', ANYBODY],
  ['GET', '/api/approvals/*', ANYBODY],
  ['GET', '/api/approvals/*/evidence', ['auditor', 'approver']],
  ['POST', '/api/approvals/*/erase', ['operator']],
  ['POST', '/api/erasures', ['operator']],
  ['POST DELETE', '/api/approvals/*/snooze', ['approver']],
  ['GET', '/api/snoozes', ['approver']],
  // Without the role approver, an owner may deny a call of their own agent: web/api/api.ts.
  ['POST', '/api/approvals/*/decisions', ANYBODY],
  ['POST', '/api/decisions', ['approver']],
  ['POST', '/api/approvals/*/challenge', ['approver']],
  ['POST', '/api/approvals/*/signatures', ['approver']],
  ['POST', '/api/approvals/*/take-back', ['approver']],
  ['GET', '/api/freeze', ANYBODY],
  ['POST', '/api/freeze', ['operator']],
  ['DELETE', '/api/freeze/*', ['operator']],
  ['GET', '/api/denials', ANYBODY],
  ['DELETE', '/api/denials/*', ['approver', 'operator']],
  ['GET', '/api/allowances', ANYBODY],
  ['DELETE', '/api/allowances/*', ['approver', 'operator']],
  ['GET', '/api/grants', ['auditor', 'operator']],
  ['DELETE', '/api/grants/*', ['operator']],
  ['GET', '/api/people', ['auditor', 'operator']],
  ['GET', '/api/events', ['auditor']],
  ['GET', '/api/events/*', ['auditor']],
  ['GET', '/api/checkpoints', ['auditor']],
  ['GET', '/api/oversight', ['auditor']],
  ['GET', '/api/oversight/*', ['auditor']],
  ['POST', '/api/policy/replay', ['auditor']],
  ['POST', '/api/policy/suggest', ['auditor']],
  ['GET', '/api/store/accept', ['auditor', 'operator']],
  ['POST', '/api/store/accept', ['operator']],
  ['GET POST', '/api/tokens', ANYBODY],
  ['DELETE', '/api/tokens/*', ANYBODY],
  ['GET', '/api/keys', ANYBODY],
  ['POST', '/api/keys', ['approver']],
  ['POST', '/api/keys/challenge', ['approver']],
  ['POST', '/api/keys/*/register', ['operator']],
  ['DELETE', '/api/keys/*', ANYBODY],
  ['GET', '/', ANYBODY],
  ['GET', '/approvals/**', ANYBODY],
  ['GET', '/mine', ANYBODY],
  ['GET', '/activity', ANYBODY],
  ['GET', '/overview', ANYBODY],
  ['GET', '/freezes', ANYBODY],
  ['GET', '/allowances', ANYBODY],
  ['GET', '/console/stream', ANYBODY],
  ['GET', '/tokens', ANYBODY],
  ['GET', '/passkeys', ANYBODY],
  ['GET', '/audit', ['auditor']],
  ['GET', '/audit/**', ['auditor']],
  ['GET', '/oversight', ['auditor']],
  ['GET', '/policies', ['auditor']],
  ['GET', '/grants', ['auditor', 'operator']],
  ['GET', '/people', ['auditor', 'operator']],
  ['POST', '/console/explain', ['auditor']],
  ['POST', '/console/tools', ['operator']],
  ['POST', '/console/revoke', ['operator']],
];

/** The roles of which one is needed for this request. null: no rule names it, so people may not. */
export function rolesFor(method: string, path: string): readonly Role[] | null {
  // HEAD is answered as GET is.
  const asked = method.toUpperCase() === 'HEAD' ? 'GET' : method.toUpperCase();
  const segments = path.split('/');
  const rule = RULES.find(([methods, pattern]) => methods.split(' ').includes(asked) && fits(pattern, segments));
  return rule?.[2] ?? null;
}

/** `roles`: null is the admin token, which passes. Whether this request may go on, or what is needed for it, in words. */
export function judgeAccess(
  roles: ReadonlySet<Role> | null,
  method: string,
  path: string,
): { readonly may: true } | { readonly may: false; readonly why: string } {
  if (roles === null) return { may: true };
  const needed = rolesFor(method, path);
  if (needed === null) return { may: false, why: 'No role opens this. Use the admin token.' };
  if (needed.some((role) => roles.has(role))) return { may: true };
  const own = roles.size === 0 ? 'none' : [...roles].join(', ');
  return { may: false, why: `This needs the role ${needed.join(' or ')}. Yours: ${own}.` };
}

function fits(pattern: string, path: readonly string[]): boolean {
  const parts = pattern.split('/');
  if (parts.at(-1) === '**') return path.length >= parts.length && same(parts.slice(0, -1), path);
  return parts.length === path.length && same(parts, path);
}

function same(parts: readonly string[], path: readonly string[]): boolean {
  return parts.every((part, n) => (part === '*' ? path[n] !== '' : part === path[n]));
}
