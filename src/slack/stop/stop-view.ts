import { type Freeze, type FreezeScope, LONGEST_FREEZE_REASON, scopeWords } from '../../domain/freeze/freeze.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import { grantNameOf } from '../../domain/people/principal.ts';
import { cut } from '../../text/cut.ts';
import { leftToRight } from '../../text/visible.ts';
import { type Block, plainText, section } from '../card/block-kit.ts';
import { codeSpan, escapedMrkdwn, localTime, oneLine, personMention } from '../card/escape.ts';
import type { ModalView } from '../card/modals.ts';
import { GLOBAL_SHORTCUT, MESSAGE_SHORTCUT } from '../setup/manifest.ts';

/** The modal in which an operator freezes and thaws, by `callback_id`. */
export const STOP_VIEW = 'stop_view';

/** The shortcuts that open it, by `callback_id`: on a message, and from anywhere in Slack. */
export const STOP_SHORTCUTS = [MESSAGE_SHORTCUT, GLOBAL_SHORTCUT] as const;

/** `block_id` and `action_id` of the modal's inputs. */
export const STOP_INPUTS = { what: 'what', reason: 'words' } as const;

/** What an operator can stop, and what is stopped. */
export interface Stops {
  readonly servers: readonly string[];
  readonly grants: readonly string[];
  readonly freezes: readonly Freeze[];
}

/** What an operator chose. */
export type StopChoice =
  | { readonly kind: 'freeze'; readonly scope: FreezeScope }
  | { readonly kind: 'thaw'; readonly id: string };

/** Slack's limits for a select: options, and characters of an option's text. */
const MOST_OPTIONS = 100;
const OPTION_TEXT = 75;
/** Freezes that the modal describes. */
const MOST_SHOWN = 10;

/** `near`: the server and grant of the card that it was opened from, which come first; null: none. */
export function stopView(
  { servers, grants, freezes }: Stops,
  near: { server: string; grant: string } | null,
): ModalView {
  const nearGrant = near === null ? undefined : grantNameOf(near.grant);
  const frozen = new Set(freezes.map(({ scope }) => choiceValue({ kind: 'freeze', scope })));
  const scopes: FreezeScope[] = [
    { kind: 'all' },
    ...nearFirst(servers, near?.server).map((name) => ({ kind: 'server', name }) as const),
    ...nearFirst(grants, nearGrant).map((name) => ({ kind: 'grant', name }) as const),
  ];
  const [all, ...rest] = scopes;
  const nearest = rest.filter(
    (scope) => scope.kind !== 'all' && scope.name === (scope.kind === 'grant' ? nearGrant : near?.server),
  );
  const ordered = [all!, ...nearest, ...rest.filter((scope) => !nearest.includes(scope))];
  const options = [
    ...freezes.map(({ id, scope }) => option({ kind: 'thaw', id }, `Thaw ${scopeWords(scope)}`)),
    ...ordered
      .filter((scope) => !frozen.has(choiceValue({ kind: 'freeze', scope })))
      .map((scope) => option({ kind: 'freeze', scope }, `Freeze ${scopeWords(scope)}`)),
  ];
  const left = options.length - MOST_OPTIONS;
  return {
    type: 'modal',
    callback_id: STOP_VIEW,
    title: plainText('Freeze or thaw'),
    submit: plainText('Do it'),
    close: plainText('Close'),
    blocks: [
      section(
        'While something is frozen, nothing new is sent to its servers. Pending calls keep waiting, and calls that were already sent continue.',
      ),
      ...inForce(freezes),
      {
        type: 'input',
        block_id: STOP_INPUTS.what,
        label: plainText('What'),
        element: { type: 'static_select', action_id: STOP_INPUTS.what, options: options.slice(0, MOST_OPTIONS) },
      },
      {
        type: 'input',
        block_id: STOP_INPUTS.reason,
        label: plainText('Reason, for agents, approvers and the log'),
        element: {
          type: 'plain_text_input',
          action_id: STOP_INPUTS.reason,
          multiline: true,
          min_length: 1,
          max_length: LONGEST_FREEZE_REASON,
        },
      },
      ...(left > 0 ? [section(`${left} more are in the console and in the API.`)] : []),
    ],
  };
}

function nearFirst(names: readonly string[], near: string | undefined): readonly string[] {
  return near !== undefined && names.includes(near) ? [near, ...names.filter((name) => name !== near)] : names;
}

function inForce(freezes: readonly Freeze[]): Block[] {
  const lines = freezes.slice(0, MOST_SHOWN).map(freezeLine);
  const more = freezes.length - lines.length;
  if (more > 0) lines.push(`and ${more} more`);
  return lines.length === 0 ? [] : [section(cut(`*In force:*\n${lines.join('\n')}`, 2_900))];
}

/** One freeze in one line. mrkdwn. */
export function freezeLine({ scope, by, since, reason }: Freeze): string {
  const what = scope.kind === 'all' ? 'Everything' : `The ${scope.kind} ${codeSpan(cut(scope.name, 64))}`;
  return `${what}, by ${personMention(by)} since ${localTime(since)}: ${escapedMrkdwn(cut(oneLine(reason), 60))}`;
}

function option(choice: StopChoice, text: string): JsonObject {
  return { text: plainText(cut(leftToRight(text), OPTION_TEXT)), value: choiceValue(choice) };
}

function choiceValue(choice: StopChoice): string {
  if (choice.kind === 'thaw') return `thaw:${choice.id}`;
  return choice.scope.kind === 'all' ? 'all' : `${choice.scope.kind}:${choice.scope.name}`;
}

/** Reads what was chosen; null for anything that the modal does not offer. */
export function readStopChoice(value: string): StopChoice | null {
  if (value === 'all') return { kind: 'freeze', scope: { kind: 'all' } };
  const [, kind, name] = /^(server|grant|thaw):(.{1,140})$/s.exec(value) ?? [];
  if (kind === undefined || name === undefined) return null;
  if (kind === 'thaw') return { kind, id: name };
  return { kind: 'freeze', scope: { kind: kind as 'server' | 'grant', name } };
}
