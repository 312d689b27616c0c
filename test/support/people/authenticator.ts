import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

/** What a browser's passkey would do otherwise than it should. */
export interface Tampering {
  readonly flags?: number;
  readonly origin?: string;
  readonly rp?: string;
  readonly type?: string;
  readonly counter?: number;
  readonly challenge?: string;
  /** More members of the client data. */
  readonly client?: object;
  /** Signs with this key instead. */
  readonly key?: KeyObject;
  /** How it signs; `none` gives the digest instead of a signature. */
  readonly how?: 'sha256' | 'sha512' | 'none';
}

export interface Credential {
  readonly id: string;
  readonly rawId: string;
  readonly type: 'public-key';
  readonly clientExtensionResults: object;
  readonly response: Readonly<Record<string, string>>;
}

const PRESENT = 0x01;
const VERIFIED = 0x04;
const WITH_KEY = 0x40;

/** A passkey in software, by the letter of WebAuthn: it makes and signs what a browser would give. */
export class SoftPasskey {
  readonly id = randomBytes(32);
  readonly origin: string;
  counter = 0;
  readonly #private: KeyObject;
  readonly #public: KeyObject;

  constructor(origin: string) {
    this.origin = origin;
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#private = privateKey;
    this.#public = publicKey;
  }

  get name(): string {
    return this.id.toString('base64url');
  }

  /** SPKI, DER, base64url. */
  get publicKey(): string {
    return this.#public.export({ format: 'der', type: 'spki' }).toString('base64url');
  }

  /** What `navigator.credentials.create` gives. */
  make(challenge: string, wrong: Tampering = {}): Credential {
    const { x, y } = this.#public.export({ format: 'jwk' });
    const cose = Buffer.concat([
      Buffer.from('a501020326200121', 'hex'),
      bytes(Buffer.from(x!, 'base64url')),
      Buffer.from('22', 'hex'),
      bytes(Buffer.from(y!, 'base64url')),
    ]);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(this.id.length);
    const attested = Buffer.concat([Buffer.alloc(16), length, this.id, cose]);
    const authData = Buffer.concat([
      this.#head({ flags: PRESENT | VERIFIED, counter: this.counter, ...wrong }, WITH_KEY),
      attested,
    ]);
    const attestation = Buffer.concat([
      Buffer.from('a3', 'hex'),
      ...[text('fmt'), text('none'), text('attStmt'), Buffer.from('a0', 'hex'), text('authData'), bytes(authData)],
    ]);
    return this.#credential({
      clientDataJSON: this.#client(challenge, 'webauthn.create', wrong).toString('base64url'),
      attestationObject: attestation.toString('base64url'),
    });
  }

  /** What `navigator.credentials.get` gives. */
  use(challenge: string, wrong: Tampering = {}): Credential {
    this.counter += 1;
    const client = this.#client(challenge, 'webauthn.get', wrong);
    const authData = this.#head({ flags: PRESENT | VERIFIED, counter: this.counter, ...wrong }, 0);
    const data = Buffer.concat([authData, createHash('sha256').update(client).digest()]);
    const { how = 'sha256', key = this.#private } = wrong;
    const isPlain = key.asymmetricKeyType === 'ed25519';
    const signature =
      how === 'none' ? createHash('sha256').update(data).digest() : sign(isPlain ? null : how, data, key);
    return this.#credential({
      clientDataJSON: client.toString('base64url'),
      authenticatorData: authData.toString('base64url'),
      signature: signature.toString('base64url'),
    });
  }

  #client(challenge: string, type: string, wrong: Tampering): Buffer {
    const said = { type, challenge, origin: this.origin, crossOrigin: false, ...wrong.client };
    const { type: other = said.type, challenge: another = said.challenge, origin = said.origin } = wrong;
    return Buffer.from(JSON.stringify({ ...said, type: other, challenge: another, origin }));
  }

  #head({ flags, counter, rp }: Tampering, more: number): Buffer {
    const head = Buffer.alloc(5);
    head.writeUInt8(flags! | more);
    head.writeUInt32BE(counter!, 1);
    const host = rp ?? new URL(this.origin).hostname;
    return Buffer.concat([createHash('sha256').update(host).digest(), head]);
  }

  #credential(response: Readonly<Record<string, string>>): Credential {
    return { id: this.name, rawId: this.name, type: 'public-key', clientExtensionResults: {}, response };
  }
}

/** CBOR, RFC 8949. */
function bytes(value: Buffer): Buffer {
  const length =
    value.length < 256 ? Buffer.from([0x58, value.length]) : Buffer.from([0x59, value.length >> 8, value.length & 255]);
  return Buffer.concat([length, value]);
}

function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([0x60 + value.length]), Buffer.from(value)]);
}
