import { createServer, connect as openSocket, type Socket } from 'node:net';

/** A TCP proxy in front of a server, which can swallow packets as a firewall does that forgot its connections. */
export interface SilentProxy {
  readonly port: number;
  /** Connections that are open at it. */
  readonly open: number;
  /**
   * From now on everything is swallowed, in both directions, on every connection that is open and on every new one:
   * no packet, no end, no reset.
   */
  swallow(): void;
  /** New connections pass again. Those that were swallowed stay silent for ever. */
  pass(): void;
  /** The same, but what is open now stays silent while new connections pass at once: a middlebox that lost its table. */
  forget(): void;
  close(): Promise<void>;
}

/** `to`: the port of the server, on 127.0.0.1. */
export async function silentProxy(to: number): Promise<SilentProxy> {
  let swallowing = false;
  const lines = new Set<{ silent: boolean; readonly ends: readonly Socket[] }>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = openSocket({ port: to, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const line = { silent: swallowing, ends: [near, far] };
    lines.add(line);
    const relay = (from: Socket, into: Socket): void => {
      from.on('data', (bytes) => {
        if (!line.silent) into.write(bytes);
      });
      from.on('end', () => {
        if (!line.silent) into.end();
      });
      from.on('error', () => undefined);
      from.on('close', () => {
        // Who has gone away learns nothing, and neither does the other end.
        if (line.silent) return;
        into.destroy();
        lines.delete(line);
      });
    };
    relay(near, far);
    relay(far, near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const silence = (): void => {
    for (const line of lines) line.silent = true;
  };
  return {
    port: (server.address() as { port: number }).port,
    get open() {
      return lines.size;
    },
    swallow: () => {
      swallowing = true;
      silence();
    },
    pass: () => {
      swallowing = false;
    },
    forget: silence,
    close: async () => {
      for (const { ends } of lines) for (const end of ends) end.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
