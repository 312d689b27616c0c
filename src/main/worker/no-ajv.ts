/** Stands for `ajv` and `ajv-formats` in the Worker's bundle (wrangler.toml): workerd lets nobody make code from text. */
export default function noAjv(): never {
  throw new Error('there is no AJV on Workers');
}
