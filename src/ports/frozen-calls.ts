import type { Call, Principal } from '../domain/call/call.ts';
import type { JsonObject } from '../domain/json/json.ts';

/** Parked calls in the form of the door that froze them. */
export interface FrozenCalls {
  /** The call as policy evaluates it. */
  read(bytes: Uint8Array, principal: Principal, server: string): Call;
  /**
   * The same call with other arguments: nothing else of it changes, but for headers that repeat an argument, which say what
   * it says then. A text: why that cannot be, without its full stop.
   */
  withArguments(bytes: Uint8Array, args: JsonObject): Uint8Array | string;
}
