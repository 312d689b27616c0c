import type { Approval } from '../../domain/approval/approval.ts';
import { takesCounter } from '../../domain/approval/counter.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import {
  type ArgumentField,
  type ArgumentForm,
  type FieldKind,
  LONGEST_TYPED,
  type TypedField,
} from '../../domain/tool/argument-form.ts';
import { cut } from '../../text/cut.ts';
import { leftToRight } from '../../text/visible.ts';
import type { CardPlace } from '../place/card-place.ts';
import { type Block, button, LIMIT, plainText, section } from './block-kit.ts';
import { buttonValue } from './button.ts';
import { codeSpan } from './escape.ts';
import { type ModalView, memoryOf, noticeView, textInput } from './modals.ts';
import { factsSection, fineprintBlock, hiddenWarning } from './sections.ts';

/** `block_id` of the JSON text, and `action_id` of every input. */
export const COUNTER_JSON = 'counter_json';
const ACTION = 'counter';
/** Begins the `block_id` of a field, before its kind and its name. */
const FIELD = 'counter.';
/** Longest name that is shown as a label. */
const LONGEST_LABEL = 150;

/** The button that opens the form; none where nothing can be proposed in place of this call. */
export function counterButtons(approval: Approval): JsonObject[] {
  if (approval.state !== 'pending' || !takesCounter(approval)) return [];
  return [button({ action: 'counter', text: 'Deny with a change…', value: buttonValue(approval), style: 'danger' })];
}

/** A form for the arguments of the call that the person would have instead. `whole`: its card shows all of the call. */
export function counterView(approval: Approval, from: CardPlace, form: ArgumentForm, whole: boolean): ModalView {
  const { denyReason } = approval.requirement;
  const warning = hiddenWarning(approval);
  if (form.rest !== null && JSON.stringify(form.rest).length > LONGEST_TYPED) return noticeView(TITLE, TOO_LONG);
  return {
    type: 'modal',
    callback_id: 'counter_view',
    title: plainText(TITLE),
    submit: plainText('Deny and propose'),
    close: plainText('Back'),
    private_metadata: memoryOf(approval, from, 0),
    blocks: [
      section(
        `This call is denied, and the agent is told the call that you make of it here. ${votesOf(approval, whole)} Then the agent may make exactly that call, once.`,
      ),
      factsSection(approval),
      ...form.fields.map(fieldBlock),
      ...(form.kept.length === 0 ? [] : [keptBlock(form.kept)]),
      ...(form.rest === null ? [] : [jsonBlock(form.rest)]),
      ...(warning === null ? [] : [section(warning)]),
      textInput('Reason (shown to the agent)', denyReason !== 'required', false),
      fineprintBlock(approval, false),
    ],
  };
}

const TITLE = 'Deny with a change';
const TOO_LONG =
  'The arguments of this call are longer than a form in Slack can be. Propose the change in the console or by the API, or deny the call plainly.';

/** What the proposal does besides the denial. What was not all shown is approved by nobody (P10). */
function votesOf({ requirement: { quorum, stepUp } }: Approval, whole: boolean): string {
  if (stepUp !== undefined) return 'It is asked about anew, and has to be signed on its own card.';
  if (!whole)
    return 'It is asked about anew. This form and the card do not show all of the call, so you have not approved it with this: look at its own card.';
  return `It is asked about anew, and your vote for it counts if you may approve it${quorum > 1 ? ` (${quorum} are needed)` : ''}.`;
}

function keptBlock(kept: readonly string[]): Block {
  const names = kept.slice(0, 10).map(codeSpan).join(', ');
  const more = kept.length > 10 ? ` and ${kept.length - 10} more` : '';
  return section(`Stays as it is, because something in it is hidden or it is too long for this form: ${names}${more}.`);
}

function fieldBlock(field: ArgumentField): Block {
  const { name, kind, about, required, now } = field;
  return {
    type: 'input',
    block_id: `${FIELD}${kind}.${name}`,
    optional: !required || now === '',
    label: plainText(cut(leftToRight(name), LONGEST_LABEL)),
    ...(hintOf(kind, about) === '' ? {} : { hint: plainText(hintOf(kind, about)) }),
    element: kind === 'choice' || kind === 'boolean' ? choice(field) : typedInput(field),
  };
}

function hintOf(kind: FieldKind, about: string): string {
  const own = kind === 'lines' ? 'One a line.' : kind === 'integer' ? 'A whole number.' : '';
  const said = about === '' ? '' : `The server says: ${leftToRight(about)}`;
  return [own, said].filter((words) => words !== '').join(' ');
}

function typedInput({ kind, now }: ArgumentField): JsonObject {
  const long = kind === 'lines' || (kind === 'text' && now !== null && (now.length > 80 || /[\r\n]/.test(now)));
  return {
    type: 'plain_text_input',
    action_id: ACTION,
    multiline: long,
    max_length: LONGEST_TYPED,
    ...(now === null || now === '' ? {} : { initial_value: now }),
  };
}

function choice({ options, now }: ArgumentField): JsonObject {
  const option = (text: string): JsonObject => ({
    text: plainText(cut(leftToRight(text), LIMIT.option)),
    value: text,
  });
  return {
    type: 'static_select',
    action_id: ACTION,
    options: options.map(option),
    ...(now === null || !options.includes(now) ? {} : { initial_option: option(now) }),
  };
}

function jsonBlock(rest: JsonObject): Block {
  const text = JSON.stringify(rest, null, 2);
  const initial = text.length > LONGEST_TYPED ? JSON.stringify(rest) : text;
  return {
    type: 'input',
    block_id: COUNTER_JSON,
    optional: true,
    label: plainText('Other arguments, as one JSON object'),
    element: {
      type: 'plain_text_input',
      action_id: ACTION,
      multiline: true,
      max_length: LONGEST_TYPED,
      initial_value: initial,
    },
  };
}

/** What a person typed into the form. */
export interface CounterFields {
  readonly fields: readonly TypedField[];
  readonly json: string | null;
}

const KINDS: readonly string[] = ['text', 'number', 'integer', 'boolean', 'choice', 'lines'] satisfies FieldKind[];
/** Inputs that are read. */
const MOST_INPUTS = 40;

/** Reads `view.state.values` of a submission, as it was typed: what cannot be taken is refused, not changed. */
export function counterFieldsIn(values: unknown): CounterFields {
  const fields: TypedField[] = [];
  let json: string | null = null;
  const blocks = typeof values === 'object' && values !== null ? Object.entries(values).slice(0, MOST_INPUTS) : [];
  for (const [block, inputs] of blocks) {
    const text = typedIn(inputs);
    if (block === COUNTER_JSON) json = text;
    const [kind, name] = block.startsWith(FIELD) ? halves(block.slice(FIELD.length)) : ['', ''];
    if (KINDS.includes(kind)) fields.push({ name, kind: kind as FieldKind, text });
  }
  return { fields, json };
}

function halves(text: string): [string, string] {
  const at = text.indexOf('.');
  return at < 0 ? ['', ''] : [text.slice(0, at), text.slice(at + 1)];
}

function typedIn(inputs: unknown): string | null {
  const input = (inputs as Record<string, { value?: unknown; selected_option?: { value?: unknown } | null }> | null)?.[
    ACTION
  ];
  const text = input?.value ?? input?.selected_option?.value ?? null;
  return typeof text === 'string' ? text : null;
}

/** The `block_id` of the field that a fault is about; `fallback` where it has none. */
export function blockOfFault(path: string, { fields, json }: CounterFields, fallback: string): string {
  const field = fields.find(({ name }) => path === name || path.startsWith(`${name}.`) || path.startsWith(`${name}[`));
  if (field !== undefined) return `${FIELD}${field.kind}.${field.name}`;
  return json === null ? fallback : COUNTER_JSON;
}
