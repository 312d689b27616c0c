import type { TaskAnswers } from '../../gateway/task/task-door.ts';
import { textAt } from '../json/edit.ts';
import { upstreamTaskCancelledResult } from '../protocol/tool-results.ts';
import { endWithoutAnswer } from './status.ts';

/** The answers to tasks in MCP's form. */
export const TASK_ANSWERS: TaskAnswers = {
  withoutAnswer(approval, counter) {
    const { result, note } = endWithoutAnswer(approval, counter);
    return { response: JSON.stringify({ jsonrpc: '2.0', id: 0, result }), note };
  },

  cancelledByServer: () => JSON.stringify({ jsonrpc: '2.0', id: 0, result: upstreamTaskCancelledResult() }),

  outcomeOf(response) {
    if (textAt(response, ['result']) === null) return 'protocol_error';
    return textAt(response, ['result', 'isError']) === 'true' ? 'tool_error' : 'completed';
  },
};
