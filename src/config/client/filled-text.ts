import type { ClientForm } from './clients.ts';
import { type TextPart, textParts } from './placeholders.ts';
import { secretVariableFor } from './server-names.ts';

/** What a server's texts are filled in from. */
export interface FillingPlace {
  readonly form: ClientForm;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** The project's folder; null: the file is the user's own. */
  readonly project: string | null;
  /** By `input:ID` and `env:NAME`: what a person said. */
  readonly answers: ReadonlyMap<string, string>;
  /** A file's text; null: it cannot be read. */
  readonly readText: (path: string) => string | null;
  readonly isFile: (path: string) => boolean;
}

/** A value that only a person knows. */
export interface NeededValue {
  /** As in `FillingPlace.answers`. */
  readonly key: string;
  readonly secret: boolean;
}

/** The largest value that a file of secrets takes, in bytes. */
const MOST_SECRET_BYTES = 65_536;
/** How a header says what kind of credential follows; no secret. */
const SCHEME = /^(?:Bearer|Basic|Token) +$/i;
/** Variables of Holdfast itself, whatever their case: Windows does not tell it. */
const OWN_VARIABLE = /^HOLDFAST_/i;
/** A name that Holdfast can fill in from the environment. */
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Fills in the texts of one server, keeps what is secret apart, and collects what is missing. */
export class TextFiller {
  readonly secrets = new Map<string, string>();
  /** Variables that are read at each start of the gateway. */
  readonly environment = new Set<string>();
  /** Files whose text the server is given. */
  readonly files = new Set<string>();
  readonly needs: NeededValue[] = [];
  /** Why the server cannot be taken over; null: nothing so far. */
  fault: string | null = null;
  readonly #server: string;
  readonly #taken: ReadonlySet<string>;
  readonly #place: FillingPlace;
  readonly #own: ReadonlySet<string>;

  /** `taken`: variables of other servers' secrets. `own`: variables of the entry itself. */
  constructor(server: string, taken: ReadonlySet<string>, place: FillingPlace, own: ReadonlySet<string>) {
    this.#server = server;
    this.#taken = taken;
    this.#place = place;
    this.#own = own;
  }

  /** The text as `holdfast.yaml` has it. `secret`: the name for what it holds; null: it may stand in the open. */
  text(text: string, secret: string | null, where: string): string {
    const runs = this.#runs(textParts(text, this.#place.form, this.#own), where);
    return runs.map((run) => this.#written(run, secret, where)).join('');
  }

  /** The same for a text that its client does not fill in. */
  asItIs(text: string, secret: string, where: string): string {
    return this.#written({ text, variable: false, secret: true }, secret, where);
  }

  /** The text with everything filled in, for a path that is used now. */
  plain(text: string, where: string): string {
    const runs = this.#runs(textParts(text, this.#place.form, this.#own), where);
    return runs.map((run) => (run.variable ? (this.#place.env[run.text] ?? '') : run.text)).join('');
  }

  refuse(why: string): void {
    this.fault ??= why;
  }

  /** Neighbours that are no variables are one. `secret`: a part of it must not stand in the open. */
  #runs(parts: readonly TextPart[], where: string): { text: string; variable: boolean; secret: boolean }[] {
    const runs: { text: string; variable: boolean; secret: boolean }[] = [];
    for (const part of parts) {
      const next = this.#resolved(part, where);
      const last = runs.at(-1);
      if (last !== undefined && !last.variable && !next.variable) {
        last.text += next.text;
        last.secret ||= next.secret;
      } else runs.push({ ...next });
    }
    return runs;
  }

  #resolved(part: TextPart, where: string): { text: string; variable: boolean; secret: boolean } {
    const open = (text: string) => ({ text, variable: false, secret: false });
    switch (part.kind) {
      case 'text':
        return open(part.text);
      case 'variable':
        return this.#variable(part.name, part.standard, where);
      case 'input':
        return { text: this.#asked(`input:${part.id}`), variable: false, secret: true };
      case 'file': {
        const text = this.#place.readText(part.path);
        this.files.add(part.path);
        if (text === null) this.refuse(`${where} names the file ${part.path}, which cannot be read`);
        return { text: (text ?? '').trimEnd(), variable: false, secret: true };
      }
      case 'place':
        return open(this.#folder(part.name, where));
      case 'unknown':
        this.refuse(`${where} has ${part.text}, which only ${this.#place.form.title} can fill in`);
        return open('');
      default:
        return part satisfies never;
    }
  }

  #variable(name: string, standard: string | null, where: string) {
    // Who wrote the client's file would be sent the admin token, or the secret that every key is derived from.
    if (OWN_VARIABLE.test(name))
      this.refuse(`${where} names ${name}, which is Holdfast's own. Use a variable of another name`);
    const value = this.#place.env[name];
    if (value && VARIABLE.test(name)) {
      this.environment.add(name);
      return { text: name, variable: true, secret: false };
    }
    const key = `env:${name}`;
    if (value) return { text: value, variable: false, secret: true };
    if (standard !== null && !this.#place.answers.has(key)) {
      if (standard.includes('${')) this.refuse(`${where} has a default with another variable in it`);
      return { text: standard, variable: false, secret: false };
    }
    return { text: this.#asked(key), variable: false, secret: true };
  }

  #asked(key: string): string {
    const answer = this.#place.answers.get(key);
    if (answer !== undefined) return answer;
    if (!this.needs.some((need) => need.key === key)) this.needs.push({ key, secret: true });
    return '';
  }

  #folder(name: string, where: string): string {
    const { home, project } = this.#place;
    if (name === 'userHome') return home;
    if (name === 'pathSeparator' || name === '/') return home.includes('\\') ? '\\' : '/';
    if (project === null) this.refuse(`${where} has \${${name}}, and the file belongs to no project`);
    return name === 'workspaceFolderBasename' ? (project ?? '').split(/[\\/]/).at(-1)! : (project ?? '');
  }

  #written(run: { text: string; variable: boolean; secret: boolean }, secret: string | null, where: string): string {
    if (run.variable) return `\${${run.text}}`;
    const hidden = (secret !== null && !SCHEME.test(run.text)) || run.secret;
    // Nothing but blanks is no secret, and a file with a secret cannot hold it.
    if (!hidden || run.text.trim() === '') return run.text.replaceAll('${', () => '$${');
    if (run.text.includes('\0')) this.refuse(`${where} has a NUL in it`);
    if (Buffer.byteLength(run.text) > MOST_SECRET_BYTES)
      this.refuse(`${where} is longer than ${MOST_SECRET_BYTES} bytes`);
    const [, scheme = '', value = '', breaks = ''] =
      /^((?:Bearer |Basic |Token )?)(.*?)([\r\n]*)$/is.exec(run.text) ?? [];
    if (value.trim() === '') return run.text;
    return `${scheme}\${${this.#keep(secret ?? 'VALUE', value)}}${breaks}`;
  }

  #keep(name: string, value: string): string {
    for (const [variable, kept] of this.secrets) if (kept === value) return variable;
    const variable = secretVariableFor(this.#server, name, [...this.#taken, ...this.secrets.keys()]);
    this.secrets.set(variable, value);
    return variable;
  }
}
