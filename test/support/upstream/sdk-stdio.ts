import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { toolServer } from './sdk.ts';

/** The official SDK's server over stdio, with the tools of `sdkUpstream`. */
await toolServer().connect(new StdioServerTransport());
