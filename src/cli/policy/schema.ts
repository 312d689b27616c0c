import { policyJsonSchema } from '../../config/policy/json-schema.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { printed, printedJson } from '../../text/printed.ts';

/** `policy schema`: prints the JSON Schema of policy files. */
export async function policySchemaCommand(_: object, terminal: Terminal): Promise<number> {
  terminal.out(printed`${printedJson(policyJsonSchema(), 2)}\n`);
  return 0;
}
