/** The promise's value, or null if it takes longer than `ms`. Leaves no timer behind. */
export async function answerWithin<T>(ms: number, promise: Promise<T>): Promise<T | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ms);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves after `ms`, or as soon as the signal is aborted. */
export function pauseUnless(aborted: AbortSignal, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      aborted.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    aborted.addEventListener('abort', end);
    if (aborted.aborted) end();
  });
}
