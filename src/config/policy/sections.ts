import type { JsonObject } from '../../domain/json/json.ts';
import { glob, isGlob, longestFirst } from '../../domain/policy/glob.ts';
import { isNeeded } from '../../domain/policy/methods.ts';
import type { Section, SectionAction, SectionRule, Sections } from '../../domain/policy/section.ts';
import { foldedUri, globReadings, uriReadings } from '../../domain/policy/uri-readings.ts';
import type { Key } from '../document/fault.ts';
import { checkShape, entriesOf, type FaultList } from '../document/shape.ts';
import { SectionActionShape } from './schema.ts';

/** How one section is read. */
interface SectionForm {
  readonly name: keyof Sections;
  /** What is wrong with a key, and what would be right; null: nothing. */
  readonly keyFault: (key: string) => readonly [string, string] | null;
  /** All texts for which an exact key stands, and all forms of a glob. */
  readonly readings: (rule: SectionRule) => readonly string[];
}

/** Longest key of a section, in UTF-16 units: the time to match a glob grows with its length. */
const LONGEST_KEY = 512;
const METHOD_KEY = /^[A-Za-z0-9_.$:/*?-]+$/;

const RESOURCES: SectionForm = {
  name: 'resources',
  keyFault: (key) =>
    /%2a|%3f/i.test(key)
      ? ['holds an encoded * or ?, which would be read as a glob', 'another key, with * or ? for this character']
      : null,
  readings({ key, action }) {
    const readings = isGlob(key) ? globReadings(key) : (uriReadings(key)?.strict ?? [key]);
    // Where names have no case, or one form of Unicode, a denial holds for each spelling; elsewhere it denies a little more.
    return action === 'deny' ? [...new Set([...readings, ...readings.map(foldedUri)])] : readings;
  },
};

const PROMPTS: SectionForm = { name: 'prompts', keyFault: () => null, readings: ({ key }) => [key] };

const METHODS_SECTION: SectionForm = {
  name: 'methods',
  keyFault(key) {
    if (key === 'tools/call') return ['is not governed here', 'rules under tools'];
    if (isNeeded(key)) return ['is needed by every session, so it is always relayed', 'no key for it'];
    return METHOD_KEY.test(key) ? null : ['can never match a method', 'a method of MCP, or a glob with * and ?'];
  },
  readings: ({ key }) => [key],
};

/** The sections `resources`, `prompts` and `methods` of a policy file. */
export function sectionsOf(file: JsonObject, faults: FaultList): Sections {
  const read = (form: SectionForm): Section | null =>
    Object.hasOwn(file, form.name) ? sectionOf(form, file[form.name], faults) : null;
  return { resources: read(RESOURCES), prompts: read(PROMPTS), methods: read(METHODS_SECTION) };
}

function sectionOf(form: SectionForm, value: unknown, faults: FaultList): Section {
  const { name, keyFault, readings } = form;
  const exact = new Map<string, SectionRule>();
  const globs: Section['globs'][number][] = [];
  let byDefault: SectionAction | null = null;
  for (const [key, entry] of entriesOf(value, [name], 'a map with default, and globs that say allow or deny', faults)) {
    const at: Key[] = [name, key];
    const action = checkShape(SectionActionShape, entry, at, faults);
    if (action === null) continue;
    if (key === 'default') {
      byDefault = action;
      continue;
    }
    const fault = faultOfText(key) ?? keyFault(key);
    if (fault !== null) faults.addKey(at, ...fault);
    const rule = { key, action };
    if (isGlob(key)) globs.push({ glob: glob(key), readings: readings(rule).map(glob), rule });
    else addExact(exact, readings(rule), rule, at, faults);
  }
  return { default: byDefault, exact, globs: longestFirst(globs) };
}

function addExact(
  exact: Map<string, SectionRule>,
  texts: readonly string[],
  rule: SectionRule,
  at: readonly Key[],
  faults: FaultList,
): void {
  for (const text of texts) {
    const other = exact.get(text);
    if (other !== undefined && other.action !== rule.action) {
      faults.addKey(at, `names the same resource as ${other.key}, which says ${other.action}`, 'one key for it');
    }
    exact.set(text, rule);
  }
}

function faultOfText(key: string): readonly [string, string] | null {
  if (key.length === 0 || key.length > LONGEST_KEY) {
    return [`is ${key.length} characters long`, `1 to ${LONGEST_KEY} characters`];
  }
  return /\p{Cc}/u.test(key) ? ['holds a control character', 'a key without control characters'] : null;
}
