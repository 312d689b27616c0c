/** The console's files under the rule in wrangler.toml: each import is the file's text. */
declare module '*/assets/app.js' {
  const text: string;
  export default text;
}
declare module '*/assets/batch.js' {
  const text: string;
  export default text;
}
declare module '*/assets/countdown.js' {
  const text: string;
  export default text;
}
declare module '*/assets/decide.js' {
  const text: string;
  export default text;
}
declare module '*/assets/snooze.js' {
  const text: string;
  export default text;
}
declare module '*/assets/explain.js' {
  const text: string;
  export default text;
}
declare module '*/assets/advance.js' {
  const text: string;
  export default text;
}
declare module '*/assets/counter.js' {
  const text: string;
  export default text;
}
declare module '*/assets/freeze.js' {
  const text: string;
  export default text;
}
declare module '*/assets/sign-in-link.js' {
  const text: string;
  export default text;
}
declare module '*/assets/icon.svg' {
  const text: string;
  export default text;
}
declare module '*/assets/live.js' {
  const text: string;
  export default text;
}
declare module '*/assets/erase.js' {
  const text: string;
  export default text;
}
declare module '*/assets/revoke.js' {
  const text: string;
  export default text;
}
declare module '*/assets/say.js' {
  const text: string;
  export default text;
}
declare module '*/assets/style.css' {
  const text: string;
  export default text;
}
declare module '*/assets/switch.js' {
  const text: string;
  export default text;
}
declare module '*/assets/theme.js' {
  const text: string;
  export default text;
}
declare module '*/assets/guard.js' {
  const text: string;
  export default text;
}
declare module '*/assets/hold.js' {
  const text: string;
  export default text;
}
declare module '*/assets/merge.js' {
  const text: string;
  export default text;
}
declare module '*/assets/keys.js' {
  const text: string;
  export default text;
}
declare module '*/assets/localtime.js' {
  const text: string;
  export default text;
}
declare module '*/assets/nav.js' {
  const text: string;
  export default text;
}
declare module '*/assets/print.js' {
  const text: string;
  export default text;
}
declare module '*/assets/notify.js' {
  const text: string;
  export default text;
}
declare module '*/assets/token.js' {
  const text: string;
  export default text;
}
declare module '*/assets/passkey.js' {
  const text: string;
  export default text;
}
declare module '*/assets/sign.js' {
  const text: string;
  export default text;
}
