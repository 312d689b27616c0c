import { FAULT_POINTS } from '../../../src/gateway/fault-point.ts';
import { embeddedStories } from '../../support/faults/embedded.ts';

/** The steps from the request to the decision, in embedded mode; points-embedded-late.long.test.ts has the rest. */
embeddedStories(FAULT_POINTS.slice(0, FAULT_POINTS.indexOf('wake.before')));
