/** Longest part of a reason that is looked at, in UTF-16 units. */
const LOOKED_AT = 500;

/**
 * What clients write when their own time is over:
 * - `McpError: MCP error -32001: Request timed out`, `Maximum total timeout exceeded` (TypeScript SDK 1)
 * - `SdkError: Request timed out` (TypeScript SDK 2)
 * - `TimeoutError: The operation was aborted due to timeout` (`AbortSignal.timeout`)
 * - `context deadline exceeded` (Go)
 * - `Timed out while waiting for response`, `Request timed-out`, `time out` (Python, C#, Java, Rust)
 */
const TIME_OUT =
  /(?<![a-z])time(?:d|s)?[\s_-]*out|deadline[\s_-]*(?:was[\s_-]*|has[\s_-]*|is[\s_-]*)?(?:exceeded|expired|passed)/i;

/**
 * Whether the reason of a cancellation says that the client only gave up waiting. Then nobody called the call off: the
 * client, its model or its person is likely to repeat it (2025-11-25, Lifecycle, Timeouts).
 */
export function saysTimeOut(reason: string | null): boolean {
  return reason !== null && TIME_OUT.test(reason.slice(0, LOOKED_AT));
}
