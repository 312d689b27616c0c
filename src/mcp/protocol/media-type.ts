import { headerOf } from './header-policy.ts';

type AnswerHeaders = readonly (readonly [string, string])[];

/** The media type of an answer in lower case, without parameters, as the official SDKs read it; empty: it states none. */
export function mediaTypeOf(headers: AnswerHeaders): string {
  return (headerOf(headers, 'content-type') ?? '').split(';')[0]!.trim().toLowerCase();
}

/** Whether the answer is a stream of server-sent events. */
export function isEventStream(headers: AnswerHeaders): boolean {
  return mediaTypeOf(headers) === 'text/event-stream';
}

const UTF8_CHARSET = /^"?(?:utf-?8|us-ascii)"?$/i;

/**
 * Whether the answer says that its text is in something else than UTF-8. MCP knows only UTF-8, but some clients believe
 * the header, and would read other names of tools than the gateway does.
 */
export function isOtherCharset(headers: AnswerHeaders): boolean {
  const [, ...parameters] = (headerOf(headers, 'content-type') ?? '').split(';');
  return parameters.some((parameter) => {
    const [name, ...value] = parameter.split('=');
    return name!.trim().toLowerCase() === 'charset' && !UTF8_CHARSET.test(value.join('=').trim());
  });
}
