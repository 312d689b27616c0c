/** A JSON Schema (2020-12), as OpenAPI 3.1 uses it. */
export type Schema = Readonly<Record<string, unknown>>;

/* The few forms from which the schemas of the API are made. Every object is closed: a member that is not named is a mistake. */

export const aText = (description?: string): Schema => ({ type: 'string', ...(description && { description }) });
export const orNull = (schema: Schema): Schema => ({ ...schema, type: [schema.type, 'null'] });
export const whole = (description?: string): Schema => ({ type: 'integer', ...(description && { description }) });
export const yesOrNo = (description?: string): Schema => ({ type: 'boolean', ...(description && { description }) });
export const instant = (description?: string): Schema => ({
  type: 'string',
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$',
  description: description ?? 'A time as ISO 8601 in UTC.',
});
export const oneOf = (values: readonly unknown[], description?: string): Schema => ({
  enum: [...values],
  ...(description && { description }),
});
export const listOf = (items: Schema, description?: string): Schema => ({
  type: 'array',
  items,
  ...(description && { description }),
});
export const mapOf = (values: Schema, description?: string): Schema => ({
  type: 'object',
  additionalProperties: values,
  ...(description && { description }),
});
export const anyObject = (description?: string): Schema => ({ type: 'object', ...(description && { description }) });
export const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

/** An object with these members and no others; those in `optional` may be absent. */
export function closed(members: Readonly<Record<string, Schema>>, optional: readonly string[] = []): Schema {
  return {
    type: 'object',
    properties: members,
    required: Object.keys(members).filter((name) => !optional.includes(name)),
    additionalProperties: false,
  };
}

/** A page of a list. `more`: members that it may have besides. */
export const pageOf = (items: Schema, more: Readonly<Record<string, Schema>> = {}): Schema => {
  const next = orNull(aText('Where the next page begins; null: this is the last page.'));
  return closed({ items: listOf(items), next, ...more }, Object.keys(more));
};
