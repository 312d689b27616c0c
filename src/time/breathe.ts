/**
 * Lets everybody else have a turn: sockets, timers and what they started. Resolves after that. To be awaited between
 * the steps of work whose length somebody else chooses.
 */
export function breathe(): Promise<void> {
  return new Promise((resolve) =>
    typeof setImmediate === 'function' ? setImmediate(resolve) : setTimeout(resolve, 0),
  );
}
