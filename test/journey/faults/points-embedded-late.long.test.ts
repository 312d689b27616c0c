import { FAULT_POINTS } from '../../../src/gateway/fault-point.ts';
import { embeddedStories } from '../../support/faults/embedded.ts';

/** The steps from the decision to the answer, in embedded mode. */
embeddedStories([...FAULT_POINTS.slice(FAULT_POINTS.indexOf('wake.before')), 'send.during']);
