export { showFlow } from '../../src/flow/show-flow.ts';
