/** A Worker for tests, in workerd: a Durable Object whose storage is a witness, with the port's methods as requests. */
import { DurableObject } from 'cloudflare:workers';
import { objectWitness } from '../../../src/sink/object-witness.ts';
import { TEST_SEALS } from '../store/seals.ts';
import { answerPort } from './witness-wire.ts';

interface TestEnv {
  readonly WITNESS: {
    idFromName(name: string): object;
    get(id: object): { fetch(request: Request): Promise<Response> };
  };
}

const QUIET = { info: () => undefined, warn: () => undefined, error: () => undefined };

export default {
  fetch: (request: Request, env: TestEnv): Promise<Response> =>
    env.WITNESS.get(env.WITNESS.idFromName(new URL(request.url).pathname)).fetch(request),
};

export class WitnessObject extends DurableObject<TestEnv> {
  /** Each request is served by a witness of its own, as if the object had been evicted before it. */
  async fetch(request: Request): Promise<Response> {
    const witness = objectWitness({ storage: this.ctx.storage, seals: TEST_SEALS, log: QUIET });
    return new Response(await answerPort(witness, await request.text()));
  }
}
