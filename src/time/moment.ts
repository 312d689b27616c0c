/** A moment by two clocks of one process, in ms: one that nobody sets, and one that goes on while the machine sleeps. */
export function momentNow(): { readonly steady: number; readonly wall: number } {
  return { steady: performance.now(), wall: Date.now() };
}
