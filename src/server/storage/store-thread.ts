/** What a store's thread is started with, bundled into a file of its own. */
import { OPERATIONS, READS } from '../operations.ts';
import { storeThreadEntry } from './store-thread-entry.ts';

void storeThreadEntry({ operations: OPERATIONS, reads: READS });
