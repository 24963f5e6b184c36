// Preloaded into a process, moves what its wall clock says by the milliseconds in the file that PACELINE_TEST_CLOCK names.
// Time that only goes forward is left alone, as when somebody sets the clock of a machine.
const { readFileSync } = require('node:fs');

const RealDate = Date;
const file = process.env.PACELINE_TEST_CLOCK;

function now() {
  return RealDate.now() + Number(readFileSync(file, 'utf8'));
}

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  apply: () => new RealDate(now()).toString(),
  get: (target, key) => (key === 'now' ? now : Reflect.get(target, key, target)),
});
