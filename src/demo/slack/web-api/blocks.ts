import { charactersOf, faultsOf, MOST_CHARACTERS } from '../limits/blocks.ts';
import type { World } from '../state/world.ts';
import { type Fields, isFields } from '../wire/fields.ts';
import type { WebApiMethod } from './method.ts';
import { errorReply, faultsReply, type MethodReply, okReply } from './reply.ts';
import { refusalOf } from './views.ts';

export const BLOCKS_METHODS: Readonly<Record<string, WebApiMethod>> = {
  'blocks.validate': { token: 'bot', scope: null, rate: null, run: validate },
};

/** Judges blocks, a message or a view, exactly one of them. */
function validate(_: World, args: Fields): MethodReply {
  const given = ['blocks', 'message', 'view'].filter((name) => args[name] !== undefined);
  if (given.length !== 1) return errorReply('invalid_arguments');
  if (given[0] === 'view') return refusalOf(args.view) ?? okReply();
  const blocks = given[0] === 'blocks' ? args.blocks : isFields(args.message) ? args.message.blocks : undefined;
  if (!Array.isArray(blocks)) return errorReply('invalid_blocks_format');
  const faults = faultsOf(blocks, 'message', '/blocks');
  if (faults.length > 0) return faultsReply('invalid_blocks', faults);
  return charactersOf(blocks) > MOST_CHARACTERS ? errorReply('msg_blocks_too_long') : okReply();
}
