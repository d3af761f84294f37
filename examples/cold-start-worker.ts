// The worker's side of a cold start: starts the guest it was given the path of and says so. It does nothing else.
import { parentPort, workerData } from 'node:worker_threads';
import { coldStart } from './cold-start.ts';

coldStart(String(workerData));
parentPort?.postMessage('ready');
