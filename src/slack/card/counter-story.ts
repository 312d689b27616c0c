import type { Approval } from '../../domain/approval/approval.ts';
import type { ArgumentChange } from '../../domain/approval/counter-of.ts';
import { cut } from '../../text/cut.ts';
import { leftToRight } from '../../text/visible.ts';
import { type Block, label, preformatted, richText, section } from './block-kit.ts';
import { codeSpan, namedPerson } from './escape.ts';

/** Characters of the box of changes. */
const LONGEST_BOX = 2_800;

/** Whose proposal it is, in place of which call, and what it changes. */
export function counterBlocks({ counterOf }: Approval): Block[] {
  if (counterOf === undefined) return [];
  const { approval, by, person, changes, more } = counterOf;
  const lines = changes.map(changeLine);
  if (more > 0) lines.push(`… and ${more} more`);
  return [
    section(
      `↩ *A counter-proposal by ${namedPerson(by, person)}*, who denied ${codeSpan(approval)} with it. No agent chose these arguments.`,
    ),
    ...(lines.length === 0
      ? []
      : [richText([label('What was changed (before → after)'), preformatted(cut(lines.join('\n'), LONGEST_BOX))])]),
  ];
}

function changeLine({ path, before, after }: ArgumentChange): string {
  const side = (text: string | null): string => (text === null ? '(not there)' : leftToRight(text));
  return `${leftToRight(path)}: ${side(before)} → ${side(after)}`;
}

/** The denial's other half, on the card of the call that was denied. */
export function counteredBlocks({ decisions }: Approval): Block[] {
  const counter = decisions.find((vote) => vote.counter !== undefined)?.counter;
  return counter === undefined ? [] : [section(`↪ Another call was proposed instead: ${codeSpan(counter)}.`)];
}
