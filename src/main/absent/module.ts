/** Stands for packages that are bundled with others but never used on Workers. Using one says so. */
const absent: object = new Proxy(function absent() {}, {
  get: (_target, name) => {
    if (name === Symbol.toPrimitive || name === 'then') return undefined;
    return absent;
  },
  construct: () => {
    throw new Error('this package is not part of the Workers build');
  },
  apply: (): object => absent,
});
export default absent;
export const SocketModeClient = absent;
export const LogLevel = { DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' };
