/** `node test/support/write-openapi.ts` writes docs/openapi.json, which a test compares with the program's own. */
import { writeFileSync } from 'node:fs';
import { openApi } from '../../src/web/openapi/openapi.ts';

writeFileSync('docs/openapi.json', `${JSON.stringify(openApi(), null, 2)}\n`);
