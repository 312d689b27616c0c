import { type Look, lookAt, wordsOf } from './look.ts';
import type { Risk, Severity } from './policy.ts';
import {
  ACCESS,
  CODE_ARGUMENTS,
  CODE_NOUNS,
  type Deed,
  HARMLESS_SECRET,
  MONEY_NOUNS,
  OUTWARD,
  RUIN,
  SECRET,
  STRONG_DEEDS,
  WEAK_DEEDS,
  WHOLES,
} from './risk-words.ts';
import type { Tool } from './tool.ts';

/** How dangerous a tool looks, and why. A first guess for a person to correct, not a proof. */
export interface Classified {
  readonly risk: Risk;
  readonly severity: Severity;
  /** A person should be asked: it destroys, runs code, moves money, makes or shows credentials, or cannot be called back. */
  readonly care: boolean;
  /** In our own words: at most words of the tool's name are repeated. */
  readonly why: readonly string[];
}

/**
 * Classifies a tool by its name, description, schema and hints. Total and deterministic. What its author says can make
 * it look more dangerous; a hint that it only reads counts only where nothing else speaks.
 */
export function classify(tool: Tool): Classified {
  const look = lookAt(tool);
  const base = byName(look) ?? byWarningAlone(tool) ?? byLead(look) ?? UNKNOWN;
  const raised = calmed(raise(base, look, tool), look, tool);
  const extra = raised.risk === 'read' ? reveals(look) : opens(raised.risk, look);
  const care = extra !== null || !['read', 'write'].includes(raised.risk);
  const why = [...new Set([raised.why, base.why, ...(extra === null ? [] : [extra])])];
  return { risk: raised.risk, severity: severityOf(raised.risk, care, look, tool), care, why };
}

interface Guess {
  readonly risk: Risk;
  readonly why: string;
  /** Said by a word that may mean nothing, or by nothing at all. */
  readonly weak?: boolean;
}

const UNKNOWN: Guess = { risk: 'write', why: 'nothing says what it does', weak: true };

/** The first strong verb of the name speaks; a destructive one anywhere speaks louder; else the first weak one. */
function byName({ words }: Look): Guess | null {
  const strong = words.filter((word) => STRONG_DEEDS.has(word));
  const chosen =
    strong.find((word) => STRONG_DEEDS.get(word) === 'destructive') ??
    strong.find((word) => word !== 'post' && word !== 'put' && word !== 'patch') ??
    strong[0] ??
    words.find((word) => WEAK_DEEDS.has(word));
  if (chosen === undefined) return null;
  return deedOf(chosen, `"${chosen}" in its name`);
}

function byWarningAlone({ hints }: Tool): Guess | null {
  return hints.destructive === true && hints.readOnly !== true ? guess('destructive', 'it says so itself') : null;
}

function byLead({ lead }: Look): Guess | null {
  return lead === null ? null : deedOf(lead, `its description begins with "${lead}"`);
}

function deedOf(word: string, why: string): Guess {
  const strong = STRONG_DEEDS.get(word);
  return strong === undefined ? { risk: WEAK_DEEDS.get(word) ?? 'write', why, weak: true } : guess(strong, why);
}

/** A hint that it only reads counts where nothing but a weak word says that it writes. */
function calmed(guessed: Guess, look: Look, { hints }: Tool): Guess {
  const calm = guessed.risk === 'write' && guessed.weak === true && hints.readOnly === true;
  return calm && opens('write', look) === null ? guess('read', 'it says that it only reads') : guessed;
}

function guess(risk: Deed, why: string): Guess {
  return { risk, why };
}

const HEIGHT: Readonly<Record<Risk, number>> = { read: 0, write: 1, financial: 2, execute: 3, destructive: 4 };

/** The base, or what description, schema or hints say that is worse. */
function raise(base: Guess, look: Look, tool: Tool): Guess {
  const worse = [
    byRuin(look),
    byCode(base, look),
    byChoices(look),
    byMoney(base, look),
    byWarning(base, look, tool),
    byLies(look),
  ];
  return worse.reduce<Guess>((worst, one) => (one !== null && outweighs(one, worst) ? one : worst), base);
}

/** Worse, or as bad and surer. */
function outweighs(one: Guess, other: Guess): boolean {
  const more = HEIGHT[one.risk] - HEIGHT[other.risk];
  return more > 0 || (more === 0 && one.weak !== true && other.weak === true);
}

function byRuin({ description }: Look): Guess | null {
  return RUIN.test(description) ? guess('destructive', 'its description warns of loss') : null;
}

function byCode(base: Guess, look: Look): Guess | null {
  if (/\bread-?only\b/.test(look.description)) return null;
  const noun = look.words.find((word) => CODE_NOUNS.has(word));
  const argument = [...look.args].find((word) => CODE_ARGUMENTS.has(word));
  const runs = /\b(run|runs|execute|executes|evaluate|evaluates)\b/.test(look.description);
  if (argument !== undefined && (runs || noun !== undefined) && base.risk !== 'read') {
    return guess('execute', `runs what its argument "${argument}" says`);
  }
  if (noun !== undefined && base.risk !== 'read') return guess('execute', `"${noun}" in its name`);
  return /\b(run|runs|execute|executes)\b.{0,40}\bsql\b/.test(look.description)
    ? guess('execute', 'its description says that it runs SQL')
    : null;
}

/** One tool for many deeds is as dangerous as its worst. */
function byChoices({ choices }: Look): Guess | null {
  const deeds = choices.map((choice) => wordsOf(choice)[0] ?? '').filter((word) => STRONG_DEEDS.has(word));
  const worst =
    deeds.find((word) => STRONG_DEEDS.get(word) === 'destructive') ??
    deeds.find((word) => STRONG_DEEDS.get(word) !== 'read');
  return worst === undefined ? null : guess(STRONG_DEEDS.get(worst)!, `one of its arguments may be "${worst}"`);
}

function byMoney(base: Guess, { words }: Look): Guess | null {
  const noun = words.find((word) => MONEY_NOUNS.has(word));
  return noun !== undefined && base.risk !== 'read' ? guess('financial', `"${noun}" in its name`) : null;
}

const OVERWRITING = new Set(['write', 'overwrite', 'replace', 'apply', 'upgrade']);

/** A server that warns of its own tool is believed. */
function byWarning(base: Guess, { words }: Look, { hints }: Tool): Guess | null {
  if (base.risk === 'read' && hints.readOnly === false)
    return guess('write', 'it says itself that it does not only read');
  if (hints.destructive !== true || hints.readOnly === true) return null;
  if (base.risk === 'read') return guess('write', 'it says itself that it may destroy');
  return words.some((word) => OVERWRITING.has(word)) ? guess('destructive', 'it says itself that it overwrites') : null;
}

/** A calm name over a description that begins with another deed. */
function byLies({ lead }: Look): Guess | null {
  const deed = lead === null ? undefined : STRONG_DEEDS.get(lead);
  // "Execute a query" reads; what runs code is found by its arguments.
  return deed === undefined || deed === 'execute' ? null : guess(deed, `its description begins with "${lead}"`);
}

/** A read that shows what opens doors. Lists of names do not. */
function reveals({ spoken, words, description }: Look): string | null {
  if (HARMLESS_SECRET.test(spoken) || words.includes('list')) return null;
  if (SECRET.test(spoken)) return 'shows credentials';
  return /\b(including|with) (its|the) [a-z ]*(secret|password|credential)|all environment variables/.test(description)
    ? 'its description says that it shows credentials'
    : null;
}

/** A change that lets somebody in, or that nobody can call back. */
function opens(risk: Risk, look: Look): string | null {
  if (risk !== 'write') return null;
  const { spoken, words } = look;
  const makes = words.some((word) => MAKING.has(word));
  if (makes && SECRET.test(spoken) && !HARMLESS_SECRET.test(spoken)) return 'makes or changes credentials';
  if (makes && ACCESS.test(spoken)) return 'gives access to somebody';
  if (words.includes('share') || words.includes('invite')) return 'gives access to somebody';
  if (words.includes('send') && OUTWARD.test(spoken)) return 'what it sends cannot be called back';
  return words.includes('merge') ? 'changes what others build on' : null;
}

const MAKING = new Set([
  'create',
  'add',
  'generate',
  'rotate',
  'issue',
  'put',
  'set',
  'provision',
  'grant',
  'verify',
  'upsert',
]);

function severityOf(risk: Risk, care: boolean, { words }: Look, { hints }: Tool): Severity {
  const whole = words.some((word) => WHOLES.has(word));
  switch (risk) {
    case 'read':
      return care ? 'high' : 'low';
    case 'write':
      return care || (hints.destructive === true && hints.readOnly !== true) ? 'high' : 'medium';
    case 'execute':
      return words.some((word) => SHELL.has(word)) ? 'critical' : 'high';
    case 'financial':
      return 'high';
    case 'destructive':
      return whole ? 'critical' : 'high';
    default:
      return risk satisfies never;
  }
}

const SHELL = new Set(['shell', 'bash', 'command', 'process', 'exec', 'sudo', 'ssh', 'terminal', 'unsafe']);
