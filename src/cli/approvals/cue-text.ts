import { CUE_WORDS, type Cue } from '../../domain/approval/cue.ts';

/** What makes a question look different, in words; a cue of a later release by its name. `long`: with its sentence. */
export function cueText(cue: string, long = false): string {
  if (!Object.hasOwn(CUE_WORDS, cue)) return cue;
  const { short, says } = CUE_WORDS[cue as Cue];
  return long ? `${short.toLowerCase()}: ${says}` : short.toLowerCase();
}
