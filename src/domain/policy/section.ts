import { type Glob, matchesGlob } from './glob.ts';

export const SECTION_ACTIONS = ['allow', 'deny'] as const;
export type SectionAction = (typeof SECTION_ACTIONS)[number];

/** One key of a section, as the file has it, and what it says. */
export interface SectionRule {
  readonly key: string;
  readonly action: SectionAction;
}

/** What a policy says of resources, prompts or methods: exact keys first, then globs, longest first, then the default. */
export interface Section {
  /** null: the section states none, so the file's `default` stands in. */
  readonly default: SectionAction | null;
  /** By each text that the key stands for. */
  readonly exact: ReadonlyMap<string, SectionRule>;
  /** `glob` is the key as written; `readings` are all its forms, itself among them. */
  readonly globs: readonly { readonly glob: Glob; readonly readings: readonly Glob[]; readonly rule: SectionRule }[];
}

/** A policy's sections beside `tools`; null: the file has no such section. */
export interface Sections {
  readonly resources: Section | null;
  readonly prompts: Section | null;
  readonly methods: Section | null;
}

export const NO_SECTIONS: Sections = { resources: null, prompts: null, methods: null };

/** The rule that governs a text; null: none, so a default applies. */
export function sectionRule(section: Section, text: string): SectionRule | null {
  const exact = section.exact.get(text);
  if (exact !== undefined) return exact;
  for (const { readings, rule } of section.globs) {
    if (readings.some((reading) => matchesGlob(reading, text))) return rule;
  }
  return null;
}

/** Whether a section can deny anything, when the file's default is this. */
export function mayDeny(section: Section | null, fileDefault: SectionAction): boolean {
  if (section === null) return false;
  const rules = [...section.exact.values(), ...section.globs.map(({ rule }) => rule)];
  return (section.default ?? fileDefault) === 'deny' || rules.some(({ action }) => action === 'deny');
}
