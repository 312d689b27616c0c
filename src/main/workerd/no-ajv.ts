/** Replaces `ajv` and `ajv-formats` in the Worker's bundle (wrangler.toml), because workerd forbids generating code. */
export default function noAjv(): never {
  throw new Error('there is no AJV on Workers');
}
