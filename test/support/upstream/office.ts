import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { z } from 'zod';

/** A server as a small office has one. What it did, in order, is in `done`. */
export function officeServer(done: string[]): McpServer {
  const mcp = new McpServer({ name: 'office', version: '1' });
  const did = (what: string) => {
    done.push(what);
    return { content: [{ type: 'text' as const, text: 'done' }] };
  };
  mcp.registerTool('read_file', { inputSchema: { path: z.string() } }, async ({ path }) => did(`read ${path}`));
  mcp.registerTool(
    'create_invoice',
    { inputSchema: { customer: z.string(), amount: z.number(), currency: z.string(), note: z.string().optional() } },
    async ({ customer, amount, currency }) => did(`invoice ${customer} ${amount} ${currency}`),
  );
  mcp.registerTool(
    'send_mail',
    { inputSchema: { to: z.array(z.string()), body: z.string(), api_key: z.string() } },
    async ({ to }) => did(`mail ${to.join(' ')}`),
  );
  mcp.registerTool('list_customers', { inputSchema: {} }, async () => did('list'));
  mcp.registerTool('delete_customer', { inputSchema: { id: z.string() } }, async ({ id }) => did(`delete ${id}`));
  return mcp;
}

/** A call as a recording has it. */
export type RecordedCall = readonly [tool: string, args: Record<string, unknown>];

const CURRENCIES = ['EUR', 'USD'];
const PEOPLE = ['ann@example.com', 'ben@example.com', 'cleo@example.com'];

/** An hour of work as it was recorded: a call each 20 seconds. */
export const RECORDING: readonly RecordedCall[] = Array.from({ length: 180 }, (_, nth): RecordedCall => {
  switch (nth % 4) {
    case 0:
      return ['read_file', { path: `/srv/office/reports/${2000 + nth}.txt` }];
    case 1: {
      const note = nth % 8 === 1 ? { note: `for order ${nth}: "urgent" # {{please}}` } : {};
      const amount = 10 + ((nth * 37) % 4_000) / 10;
      return [
        'create_invoice',
        { customer: `C${nth % 7}`, amount, currency: CURRENCIES[nth % 3 === 0 ? 1 : 0], ...note },
      ];
    }
    case 2: {
      const to = PEOPLE.slice(0, 1 + (nth % 3));
      return ['send_mail', { to, body: `hello ${nth}`, api_key: `sk-office-${nth}-do-not-tell` }];
    }
    default:
      return ['list_customers', {}];
  }
});
