/**
 * Variables that hold no secret and that Node, the C library, systemd or this program read from the environment itself.
 * Everything else is taken out of it.
 */
const PLAIN = new Set([
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'PWD', 'LANG', 'LANGUAGE', 'TZ', 'TERM', 'COLORTERM', 'NO_COLOR'],
  // A memory allocator, or a clock to try things with, is put in front of the C library by these.
  ...['LD_PRELOAD', 'FAKETIME', 'FAKETIME_SHARED', 'FAKETIME_NO_CACHE', 'DONT_FAKE_MONOTONIC'],
  ...['TMPDIR', 'TMP', 'TEMP', 'CI', 'LD_LIBRARY_PATH', 'DBUS_SESSION_BUS_ADDRESS', 'XDG_RUNTIME_DIR'],
  ...['NODE_ENV', 'NODE_OPTIONS', 'NODE_PATH', 'NODE_EXTRA_CA_CERTS', 'NODE_USE_SYSTEM_CA', 'NODE_USE_ENV_PROXY'],
  ...['NODE_TLS_REJECT_UNAUTHORIZED', 'NODE_NO_WARNINGS', 'NODE_DEBUG', 'NODE_V8_COVERAGE', 'NODE_COMPILE_CACHE'],
  ...['NODE_ICU_DATA', 'UV_THREADPOOL_SIZE', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'REQUESTS_CA_BUNDLE', 'OPENSSL_CONF'],
  ...['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'],
  ...['CREDENTIALS_DIRECTORY', 'NOTIFY_SOCKET', 'WATCHDOG_PID', 'WATCHDOG_USEC', 'INVOCATION_ID', 'JOURNAL_STREAM'],
  ...['LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES', 'MAINPID', 'SYSTEMD_EXEC_PID', 'MEMORY_PRESSURE_WATCH'],
  ...['MEMORY_PRESSURE_WRITE', 'RUNTIME_DIRECTORY', 'STATE_DIRECTORY', 'CACHE_DIRECTORY', 'LOGS_DIRECTORY'],
  ...[
    'CONFIGURATION_DIRECTORY',
    'HOSTNAME',
    'CONTAINER',
    'container',
    'KUBERNETES_SERVICE_HOST',
    'OLDPWD',
    'SHLVL',
    '_',
  ],
  ...['HOLDFAST_CONFIG', 'HOLDFAST_LISTEN', 'HOLDFAST_PUBLIC_URL', 'HOLDFAST_DATA', 'HOLDFAST_MAX_BODY'],
  ...['HOLDFAST_AUDIT_WEBHOOK_FORM', 'HOLDFAST_LOG', 'SLACK_CHANNEL', 'SLACK_API_URL'],
]);

/** Whether a variable may stay in the environment of a process that others can look at. `NAME_FILE` holds a path. */
export function isPlainVariable(name: string): boolean {
  return PLAIN.has(name) || name.startsWith('LC_') || name.endsWith('_FILE');
}

/** Variables that libraries (Postgres, OpenTelemetry, Amazon's client) read by themselves: put back where only this process sees them. */
export function isReadByLibraries(name: string): boolean {
  return /^PG[A-Z]+$|^OTEL_[A-Z_]+$|^AWS_[A-Z0-9_]+$/.test(name);
}
