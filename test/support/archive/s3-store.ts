import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BucketPlace, bucketPlace } from '../../../src/domain/log/archive-place.ts';

import { isSigned } from './signed-request.ts';

/** The account of the stand-in, whose signatures it checks. */
export const ACCOUNT = { AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER', AWS_REGION: 'us-east-1' };
export const BUCKET = 'audit-log';

/** What is used of a request in Koa. */
interface Context {
  readonly method: string;
  readonly path: string;
  readonly req: IncomingMessage;
  get(header: string): string;
  status: number;
  type: string;
  body: unknown;
}

interface S3Program {
  readonly middleware: unknown[];
  readonly store: {
    existsObject(bucket: string, key: string): Promise<boolean>;
  };
  configureBuckets(): Promise<unknown>;
  run(): Promise<{ readonly port: number }>;
  close(): Promise<unknown>;
}

const S3rver = createRequire(import.meta.url)('s3rver') as new (options: object) => S3Program;

/** An S3 store for tests: s3rver, and what it lacks, which is written here: `If-None-Match: *`, signatures, checksums. */
export interface S3Store {
  readonly url: string;
  place(prefix?: string, bucket?: string): BucketPlace & { readonly kind: 'bucket' };
  /** Requests so far: `PUT /audit-log/key`. */
  readonly requests: readonly string[];
  /** From now on it answers so, or does what it is told, instead; null: as it should. */
  instead(how: ((context: Context) => Promise<void> | null) | null): void;
  /** The folder in which it keeps objects with this prefix. */
  path(prefix: string): string;
  close(): Promise<void>;
}

/** `exclusive: false`: as stores are that let everybody write over what is there. */
export async function startS3Store({ exclusive = true } = {}): Promise<S3Store> {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-s3-'));
  const program = new S3rver({
    ...{ port: 0, address: '127.0.0.1', silent: true, directory, resetOnClose: true },
    configureBuckets: [{ name: BUCKET, configs: [] }],
  });
  const requests: string[] = [];
  let instead: ((context: Context) => Promise<void> | null) | null = null;
  const turns = new Map<string, Promise<unknown>>();
  program.middleware.unshift(async (context: Context, next: () => Promise<void>) => {
    const { method, path } = context;
    requests.push(`${method} ${path}`);
    const other = instead?.(context) ?? null;
    if (other !== null) return other;
    if (!isSigned(context.req, ACCOUNT.AWS_SECRET_ACCESS_KEY)) return refused(context, 403, 'SignatureDoesNotMatch');
    if (method !== 'PUT' || !exclusive || context.get('if-none-match') !== '*') return next();
    const [, bucket = '', key = ''] = /^\/([^/]+)\/(.+)$/.exec(decodeURIComponent(path)) ?? [];
    const before = turns.get(path) ?? Promise.resolve();
    const mine = before.then(async () => {
      if (await program.store.existsObject(bucket, key)) return refused(context, 412, 'PreconditionFailed');
      await next();
      if (context.status >= 300) return;
      const file = join(directory, bucket, `${key}._S3rver_object`);
      // s3rver answers once it has read everything, not once it is written.
      for (let look = 0; look < 500 && statSync(file).size !== Number(context.get('content-length')); look += 1) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      const stored = createHash('sha256').update(readFileSync(file)).digest();
      const isWhole =
        stored.toString('hex') === context.get('x-amz-content-sha256') &&
        stored.toString('base64') === context.get('x-amz-checksum-sha256');
      if (!isWhole) await refused(context, 400, 'BadDigest');
    });
    turns.set(
      path,
      mine.catch(() => undefined),
    );
    return mine;
  });
  await program.configureBuckets();
  const { port } = await program.run();
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    place: (prefix = '', bucket = BUCKET) => bucketPlace({ bucket, prefix }, { endpoint: url }),
    requests,
    instead: (how) => {
      instead = how;
    },
    path: (prefix) => join(directory, BUCKET, prefix),
    close: async () => {
      await program.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** An error as S3 answers it. */
export async function refused(context: Context, status: number, code: string): Promise<void> {
  for await (const _ of context.req);
  context.status = status;
  context.type = 'application/xml';
  context.body = `<?xml version="1.0"?>\n<Error><Code>${code}</Code><Message>no</Message><RequestId>1</RequestId></Error>`;
}
