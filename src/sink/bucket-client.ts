import { PassThrough, pipeline, type Readable, Transform } from 'node:stream';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { request } from 'undici';
import type { BucketPlace } from '../domain/log/archive-place.ts';
import { type BucketDeed, bucketFault, httpStatusOf } from './bucket-fault.ts';

/** What is written: octets, or a stream of a known length, which is opened for each attempt. */
export interface BucketBody {
  readonly octets: number;
  /** Hex. */
  readonly sha256: string;
  open(): Readable | Uint8Array;
}

/** The few requests that are made of a bucket. Each throws `Unavailable('archive')`, in words, where it is not answered in `ms`. */
export interface BucketClient {
  /** null: there is no such object; or one that these credentials may not read, which S3 tells apart only for those who may list. */
  get(key: string, ms: number): Promise<Readable | null>;
  /** Writes an object that is not there yet. False: it is there already, and stays. */
  put(key: string, body: BucketBody, ms: number): Promise<boolean>;
  /** Keys after `after` that begin with this prefix and have no slash behind it, in order: a page of them. */
  list(prefix: string, after: string | null, ms: number): Promise<{ readonly keys: string[]; readonly more: boolean }>;
  /** Ends what is kept open. */
  close(): void;
}

/** Milliseconds in which a store begins to answer, and between two parts of an answer. */
const ANSWER_MS = 30_000;
/** Attempts of a request whose body can be sent again; the archive itself tries again every minute. */
const ATTEMPTS = 3;
const PAGE = 1_000;
/** Octets of an answer that is no object: a page of a list, or an error. */
const MOST_WORDS = 16 * 1024 * 1024;

/**
 * The official client, with credentials and region by its own environment (`AWS_…`). This file alone imports it, and is loaded
 * where a bucket is used.
 */
export function bucketClient(place: BucketPlace): BucketClient {
  const { bucket: Bucket, endpoint, region, pathStyle } = place;
  const s3 = new S3Client({
    ...(endpoint !== null && { endpoint }),
    ...(region !== null && { region }),
    forcePathStyle: pathStyle,
    maxAttempts: ATTEMPTS,
    requestHandler: new WaysOutHandler(),
    // It would write to the console.
    logger: SILENT,
    // Other stores know no trailers; what is written has its SHA-256, and what is read is compared with a signed head.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  const answered = async <T>(
    deed: BucketDeed,
    work: () => Promise<T>,
    otherwise: (error: unknown) => T | undefined,
  ) => {
    try {
      return await work();
    } catch (error) {
      const value = otherwise(error);
      if (value !== undefined) return value;
      throw bucketFault(error, place, deed);
    }
  };
  return {
    get: (Key, ms) =>
      answered(
        'read',
        async () => {
          const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }), within(ms));
          return saidBy(Body as Readable, place);
        },
        (error) => (isAbsent(error) ? null : undefined),
      ),
    put: (Key, { octets, sha256, open }, ms) =>
      answered(
        'write',
        async () => {
          const Body = open();
          const ChecksumSHA256 = Buffer.from(sha256, 'hex').toString('base64');
          const command = new PutObjectCommand({
            ...{ Bucket, Key, Body, ChecksumSHA256, ContentLength: octets, IfNoneMatch: '*' },
            ContentType: Key.endsWith('.gz') ? 'application/gzip' : 'application/json',
          });
          // What is known beforehand is signed too, of a stream as well.
          command.middlewareStack.add(
            (next) => (args) => {
              const { headers } = args.request as { headers: Record<string, string> };
              headers['x-amz-content-sha256'] = sha256;
              return next(args);
            },
            { step: 'build', name: 'payloadIsKnown' },
          );
          await s3.send(command, within(ms));
          return true;
        },
        (error) => (httpStatusOf(error) === 412 ? false : undefined),
      ),
    list: (Prefix, after, ms) =>
      answered(
        'list',
        async () => {
          const asked = { Bucket, Prefix, Delimiter: '/', MaxKeys: PAGE, ...(after !== null && { StartAfter: after }) };
          const { Contents = [], IsTruncated } = await s3.send(new ListObjectsV2Command(asked), within(ms));
          return { keys: Contents.flatMap(({ Key }) => Key ?? []), more: IsTruncated === true };
        },
        () => undefined,
      ),
    close: () => s3.destroy(),
  };
}

/** The same octets. Where they break off it is told in words: nothing is wrong with an object because a connection is. */
function saidBy(body: Readable, place: BucketPlace): Readable {
  const said = new PassThrough();
  body.on('error', (error) => said.destroy(bucketFault(error, place, 'read')));
  said.on('close', () => body.destroy());
  // Whoever reads on hears of it.
  said.on('error', () => undefined);
  return body.pipe(said);
}

const SILENT = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

const within = (ms: number) => ({ abortSignal: AbortSignal.timeout(ms) });

/** Without the right to list, S3 answers 403 for what is not there. */
function isAbsent(error: unknown): boolean {
  const { name } = error as { name?: unknown };
  return name === 'NoSuchKey' || name === 'NotFound' || name === 'AccessDenied' || name === 'Forbidden';
}

/** A request as the client builds it. */
interface BuiltRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly method: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Readable | Uint8Array | string;
}

/** Sends what the client built by the ways out of this process, proxies included. Redirects are not followed. */
class WaysOutHandler {
  readonly metadata = { handlerProtocol: 'http/1.1' };

  async handle(built: BuiltRequest, { abortSignal }: { readonly abortSignal?: unknown } = {}) {
    const { protocol, hostname, port, path, query = {}, method, headers, body } = built;
    // `Expect: 100-continue` is none of what is signed, and not known here.
    const sent = Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'expect'));
    const answer = await retryable(
      request(`${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}${queryText(query)}`, {
        method,
        headers: sent,
        body: body ?? null,
        ...{ headersTimeout: ANSWER_MS, bodyTimeout: ANSWER_MS },
        ...(abortSignal instanceof AbortSignal && { signal: abortSignal }),
      }),
    );
    const flat = Object.entries(answer.headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]);
    const isObject = method === 'GET' && answer.statusCode === 200 && query['list-type'] === undefined;
    const words = isObject ? answer.body : bounded(answer.body);
    return { response: { statusCode: answer.statusCode, headers: Object.fromEntries(flat) as object, body: words } };
  }

  destroy(): void {}
  updateHttpClientConfig(): void {}
  httpHandlerConfigs(): object {
    return {};
  }
}

/** The client reads these whole: an answer that does not end is given up. */
function bounded(answer: Readable): Readable {
  let octets = 0;
  const limit = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      octets += chunk.length;
      if (octets > MOST_WORDS) done(new Error('the answer is too long'));
      else done(null, chunk);
    },
  });
  // Its error reaches whoever reads.
  pipeline(answer, limit, () => undefined);
  return limit;
}

/** Where the connection failed, the client may send it again. */
async function retryable<T>(sent: Promise<T>): Promise<T> {
  try {
    return await sent;
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (error instanceof Error && typeof code === 'string') Object.assign(error, { $retryable: {} });
    throw error;
  }
}

function queryText(query: NonNullable<BuiltRequest['query']>): string {
  const pairs = Object.keys(query)
    .sort()
    .flatMap((name) => [query[name]!].flat().map((value) => `${escaped(name)}=${escaped(value ?? '')}`));
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

const escaped = (text: string): string =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
