import { Spell } from './spell.ts';

/** What `map` makes of each item, in their order. After some milliseconds of it, others have a turn. */
export async function mapInTurns<Item, Made>(items: readonly Item[], map: (item: Item) => Made): Promise<Made[]> {
  const spell = new Spell();
  const made: Made[] = [];
  for (const item of items) {
    made.push(map(item));
    await spell.rest();
  }
  return made;
}
