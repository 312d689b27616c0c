import type { SegmentFolder } from '../../gateway/archive/segment-reader.ts';
import { archiveDirectory, headsIn } from '../../sink/archive-directory.ts';
import { Misuse } from '../parse/misuse.ts';

/** The segments in a folder. Throws where there are none. */
export async function segmentFolder(folder: string): Promise<SegmentFolder> {
  const heads = await headsIn(folder).catch((error: NodeJS.ErrnoException) => {
    throw new Misuse(`${folder} cannot be read: ${error.code ?? error.message}.`);
  });
  if (heads.length === 0) throw new Misuse(`There is no segment of a log in ${folder} (files that end in .head.json).`);
  return { heads, read: (file) => archiveDirectory(folder).read(file) };
}
