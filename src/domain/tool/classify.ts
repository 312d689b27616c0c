import { featuresOf, type ToolFeatures, wordsOf } from './features.ts';
import type { Risk, Severity } from './risk.ts';
import {
  ACCESS,
  CODE_ARGUMENTS,
  CODE_NOUNS,
  DESTROYING,
  HARMLESS_SECRET,
  MONEY_NOUNS,
  OUTWARD,
  RUIN,
  SECRET,
  STRONG_VERBS,
  WEAK_VERBS,
  WHOLES,
} from './risk-words.ts';
import type { Tool } from './tool.ts';

/** How dangerous a tool looks, and why: a guess for a person to correct, no proof. */
export interface Classification {
  readonly risk: Risk;
  readonly severity: Severity;
  /**
   * Whether a person should be asked first: the tool destroys, runs code, moves money, makes or shows credentials,
   * gives access, or does what cannot be taken back.
   */
  readonly care: boolean;
  /** The server itself calls it destructive, in its hints or its words. Then a person is asked, whatever it looks like. */
  readonly saysItDestroys: boolean;
  /** In our own words; of the server's words, only those of the tool's name and its leading verb are repeated. */
  readonly why: readonly string[];
}

/**
 * Classifies a tool by its name, description, schema and hints. Total and deterministic. What the tool's author says
 * can make it look more dangerous; a hint that it only reads counts only where there is no other evidence.
 */
export function classify(tool: Tool): Classification {
  const features = featuresOf(tool);
  const base = byName(features) ?? byHintAlone(tool) ?? byLead(features) ?? UNKNOWN;
  const raised = loweredByHint(raise(base, features, tool), features, tool);
  const extra = raised.risk === 'read' ? reveals(features) : opens(raised.risk, features);
  const care = extra !== null || !['read', 'write'].includes(raised.risk);
  const claim = claimOf(raised.risk, tool);
  const why = [...new Set([raised.why, base.why, ...[claim, extra].filter((each) => each !== null)])];
  const severity = severityOf(raised.risk, care, features, tool);
  return { risk: raised.risk, severity, care, saysItDestroys: claim !== null, why };
}

/** That it destroys, as its hints say, or its words, all of them; null: they do not. Nobody knows better. */
function claimOf(risk: Risk, { hints, description }: Tool): string | null {
  if (hints.destructive === true && hints.readOnly !== true) return 'it says itself that it may destroy';
  if (risk === 'read') return null;
  const words = description.slice(0, LONGEST_DESCRIPTION).toLowerCase();
  return DESTROYING.test(words) ? 'its description says that it destroys' : null;
}

/** Characters of a description that are looked through for a warning; it may be megabytes long. */
const LONGEST_DESCRIPTION = 8_192;

interface Guess {
  readonly risk: Risk;
  readonly why: string;
  /** It rests on a word that may mean nothing here, or on nothing at all. */
  readonly weak?: boolean;
}

const UNKNOWN: Guess = { risk: 'write', why: 'nothing says what it does', weak: true };

/** A destructive verb anywhere in the name decides, else the first strong verb, else the first weak one. */
function byName({ words }: ToolFeatures): Guess | null {
  const strong = words.filter((word) => STRONG_VERBS.has(word));
  const chosen =
    strong.find((word) => STRONG_VERBS.get(word) === 'destructive') ??
    strong.find((word) => word !== 'post' && word !== 'put' && word !== 'patch') ??
    strong[0] ??
    words.find((word) => WEAK_VERBS.has(word));
  if (chosen === undefined) return null;
  return guessByVerb(chosen, `"${chosen}" in its name`);
}

function byHintAlone({ hints }: Tool): Guess | null {
  return hints.destructive === true && hints.readOnly !== true ? guess('destructive', 'it says so itself') : null;
}

function byLead({ lead }: ToolFeatures): Guess | null {
  return lead === null ? null : guessByVerb(lead, `its description begins with "${lead}"`);
}

function guessByVerb(word: string, why: string): Guess {
  const strong = STRONG_VERBS.get(word);
  return strong === undefined ? { risk: WEAK_VERBS.get(word) ?? 'write', why, weak: true } : guess(strong, why);
}

/** A hint that the tool only reads counts where nothing but a weak word says that it writes. */
function loweredByHint(guessed: Guess, features: ToolFeatures, { hints }: Tool): Guess {
  const mayOnlyRead = guessed.risk === 'write' && guessed.weak === true && hints.readOnly === true;
  return mayOnlyRead && opens('write', features) === null ? guess('read', 'it says that it only reads') : guessed;
}

function guess(risk: Risk, why: string): Guess {
  return { risk, why };
}

/** Higher is worse. */
const HEIGHT: Readonly<Record<Risk, number>> = { read: 0, write: 1, financial: 2, execute: 3, destructive: 4 };

/** The guess by name, or a worse one that description, schema or hints suggest. */
function raise(base: Guess, features: ToolFeatures, tool: Tool): Guess {
  const worse = [
    byRuin(features),
    byCode(base, features),
    byChoices(features),
    byMoney(base, features),
    byWarning(base, features, tool),
    byMisleadingName(features),
  ];
  return worse.reduce<Guess>((worst, found) => (found !== null && outweighs(found, worst) ? found : worst), base);
}

/** Whether a guess is worse than another, or as bad and surer. */
function outweighs(guessed: Guess, other: Guess): boolean {
  const more = HEIGHT[guessed.risk] - HEIGHT[other.risk];
  return more > 0 || (more === 0 && guessed.weak !== true && other.weak === true);
}

function byRuin({ description }: ToolFeatures): Guess | null {
  return RUIN.test(description) ? guess('destructive', 'its description warns of loss') : null;
}

function byCode(base: Guess, features: ToolFeatures): Guess | null {
  if (/\bread-?only\b/.test(features.description)) return null;
  const noun = features.words.find((word) => CODE_NOUNS.has(word));
  const argument = [...features.args].find((word) => CODE_ARGUMENTS.has(word));
  const runs = /\b(run|runs|execute|executes|evaluate|evaluates)\b/.test(features.description);
  if (argument !== undefined && (runs || noun !== undefined) && base.risk !== 'read') {
    return guess('execute', `runs what its argument "${argument}" says`);
  }
  if (noun !== undefined && base.risk !== 'read') return guess('execute', `"${noun}" in its name`);
  return /\b(run|runs|execute|executes)\b.{0,40}\bsql\b/.test(features.description)
    ? guess('execute', 'its description says that it runs SQL')
    : null;
}

/** A tool with several operations is as dangerous as the worst of them. */
function byChoices({ choices }: ToolFeatures): Guess | null {
  const verbs = choices.map((choice) => wordsOf(choice)[0] ?? '').filter((word) => STRONG_VERBS.has(word));
  const worst =
    verbs.find((word) => STRONG_VERBS.get(word) === 'destructive') ??
    verbs.find((word) => STRONG_VERBS.get(word) !== 'read');
  return worst === undefined ? null : guess(STRONG_VERBS.get(worst)!, `one of its arguments may be "${worst}"`);
}

function byMoney(base: Guess, { words }: ToolFeatures): Guess | null {
  const noun = words.find((word) => MONEY_NOUNS.has(word));
  return noun !== undefined && base.risk !== 'read' ? guess('financial', `"${noun}" in its name`) : null;
}

const OVERWRITING = new Set(['write', 'overwrite', 'replace', 'apply', 'upgrade']);

/** A server that warns of its own tool is believed. */
function byWarning(base: Guess, { words }: ToolFeatures, { hints }: Tool): Guess | null {
  if (base.risk === 'read' && hints.readOnly === false)
    return guess('write', 'it says itself that it does not only read');
  if (hints.destructive !== true || hints.readOnly === true) return null;
  if (base.risk === 'read') return guess('write', 'it says itself that it may destroy');
  return words.some((word) => OVERWRITING.has(word)) ? guess('destructive', 'it says itself that it overwrites') : null;
}

/** A harmless name whose description begins with another verb. */
function byMisleadingName({ lead }: ToolFeatures): Guess | null {
  const risk = lead === null ? undefined : STRONG_VERBS.get(lead);
  // "Execute a query" reads; tools that run code are recognised by their arguments.
  return risk === undefined || risk === 'execute' ? null : guess(risk, `its description begins with "${lead}"`);
}

/** Why a read needs care: it shows credentials. Lists of names do not. */
function reveals({ spoken, words, description }: ToolFeatures): string | null {
  if (HARMLESS_SECRET.test(spoken) || words.includes('list')) return null;
  if (SECRET.test(spoken)) return 'shows credentials';
  return /\b(including|with) (its|the) [a-z ]*(secret|password|credential)|all environment variables/.test(description)
    ? 'its description says that it shows credentials'
    : null;
}

/** Why a write needs care: it gives access, or cannot be taken back. */
function opens(risk: Risk, features: ToolFeatures): string | null {
  if (risk !== 'write') return null;
  const { spoken, words } = features;
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

function severityOf(risk: Risk, care: boolean, { words }: ToolFeatures, { hints }: Tool): Severity {
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
