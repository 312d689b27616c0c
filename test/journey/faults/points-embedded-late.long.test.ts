import { FAULT_POINTS } from '../../../src/gateway/fault-point.ts';
import { embeddedStories } from '../../support/faults/embedded.ts';

/** From the decision to the answer, embedded. */
embeddedStories([...FAULT_POINTS.slice(FAULT_POINTS.indexOf('wake.before')), 'send.during']);
