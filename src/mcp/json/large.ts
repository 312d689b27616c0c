/**
 * From this many bytes on, a message is read in pieces and edited as bytes: parsing it would keep everybody else
 * waiting.
 */
export const LARGE_MESSAGE = 256 * 1024;
