/**
 * An address as it is compared. Only A to Z have a small form: others have some that are letters of somebody else’s
 * address, as the Kelvin sign has k.
 */
export function comparedEmail(email: string): string {
  return email.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
