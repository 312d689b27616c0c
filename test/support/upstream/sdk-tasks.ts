/**
 * The official SDK's own server with one tool, `slow`, that runs only as a task: when called it writes a line to the
 * file that its argument names, and it ends once that file holds a second line. Run as a program, it speaks stdio.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { z } from 'zod';

export function sdkTaskServer(taskStore = new InMemoryTaskStore()): McpServer {
  const mcp = new McpServer(
    { name: 'sdk-tasks', version: '1' },
    { capabilities: { tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } }, taskStore },
  );
  mcp.experimental.tasks.registerToolTask(
    'slow',
    { inputSchema: { file: z.string() }, execution: { taskSupport: 'required' } },
    {
      createTask: async ({ file }, { taskStore: store }) => {
        const task = await store.createTask({ ttl: 60_000, pollInterval: 200 });
        appendFileSync(file, 'called\n');
        const look = setInterval(() => {
          const lines = readFileSync(file, 'utf8').split('\n').length - 1;
          if (lines < 2) return;
          clearInterval(look);
          void store.storeTaskResult(task.taskId, 'completed', { content: [{ type: 'text', text: 'slowly done' }] });
        }, 50);
        return { task };
      },
      getTask: async (_, { taskId, taskStore: store }) => (await store.getTask(taskId))!,
      getTaskResult: async (_, { taskId, taskStore: store }) =>
        (await store.getTaskResult(taskId)) as { content: { type: 'text'; text: string }[] },
    },
  );
  return mcp;
}

if (import.meta.main) await sdkTaskServer().connect(new StdioServerTransport());
