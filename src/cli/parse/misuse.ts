/** Thrown for a command line that makes no sense. The message says what is wrong; the usage line follows it. */
export class Misuse extends Error {}
