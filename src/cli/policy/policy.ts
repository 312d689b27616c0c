import { parseArgs } from 'node:util';
import { policyJsonSchema } from '../../config/policy-json-schema.ts';
import { checkPolicies } from './check.ts';
import { explainCall } from './explain.ts';
import { testPolicies } from './test.ts';
import { type CommandIo, misused, type PolicyOptions, Workbench } from './workbench.ts';

/** `holdfast policy …`. Returns the exit code: 0 well, 1 something is wrong with the files, 2 with the command. */
export async function policyCommand(argv: readonly string[], io: CommandIo): Promise<number> {
  const [verb, ...rest] = argv;
  const parsed = options(rest);
  if (typeof parsed === 'string') return misused(io, parsed);
  const { values, positionals } = parsed;
  const workbench = new Workbench(io, values.config);
  switch (verb) {
    case 'check':
      return checkPolicies(workbench, positionals);
    case 'explain':
      return explainCall(workbench, values);
    case 'test':
      return testPolicies(workbench, positionals);
    case 'schema':
      io.out(`${JSON.stringify(policyJsonSchema(), null, 2)}\n`);
      return 0;
    default:
      return misused(io, verb === undefined ? 'say what to do' : `unknown command ${verb}`);
  }
}

function options(argv: readonly string[]): { values: PolicyOptions; positionals: string[] } | string {
  try {
    const text = { type: 'string' } as const;
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        config: text,
        server: text,
        tool: text,
        args: text,
        grant: text,
        policy: text,
        json: { type: 'boolean' },
      },
    });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
