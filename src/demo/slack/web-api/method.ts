import type { SlackToken } from '../state/workspace.ts';
import type { World } from '../state/world.ts';
import type { Fields } from '../wire/fields.ts';
import type { Rate } from './rates.ts';
import type { MethodReply } from './reply.ts';

/** One method of the Web API. */
export interface WebApiMethod {
  readonly token: SlackToken['kind'];
  /** The scope that every call needs; null if none, or if it depends on the kind of channel. */
  readonly scope: string | null;
  readonly rate: Rate | null;
  run(world: World, args: Fields, token: SlackToken): MethodReply;
}
