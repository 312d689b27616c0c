import type { TaskAnswers } from '../../gateway/task/task-door.ts';
import { textAt } from '../json/edit.ts';
import { theirsCancelled } from '../protocol/tool-results.ts';
import { endWithoutAnswer } from './status.ts';

/** How answers to tasks read in MCP. */
export const TASK_ANSWERS: TaskAnswers = {
  withoutAnswer(approval) {
    const { result, note } = endWithoutAnswer(approval);
    return { response: JSON.stringify({ jsonrpc: '2.0', id: 0, result }), note };
  },

  cancelledByServer: () => JSON.stringify({ jsonrpc: '2.0', id: 0, result: theirsCancelled() }),

  outcomeOf(response) {
    if (textAt(response, ['result']) === null) return 'protocol_error';
    return textAt(response, ['result', 'isError']) === 'true' ? 'tool_error' : 'completed';
  },
};
