/** The worker of workerpool: it serves the function that does nothing. */
import { worker } from 'workerpool';
import { nothing } from '../no-op.mjs';

worker({ nothing });
