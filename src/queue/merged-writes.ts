/** The part of a socket that holds writes back. */
interface Corkable {
  write(...args: never[]): boolean;
  cork(): void;
  uncork(): void;
}

/**
 * Makes whatever is written to a socket before the process looks for new work one write: commands that are sent together,
 * although each waits for its own answer. Nothing is held back longer than that.
 */
export function mergeWrites(socket: Corkable): void {
  const write = socket.write.bind(socket);
  let held = false;
  socket.write = (...args) => {
    if (!held) {
      held = true;
      socket.cork();
      // After all that is ready to run now, and before anything that arrives.
      process.nextTick(() => {
        held = false;
        socket.uncork();
      });
    }
    return write(...args);
  };
}
