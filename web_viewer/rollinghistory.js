// The rolling probabilities since the page was opened, in means of a few seconds, at most one hour of them.

const STEP_MS = 5000;
const MOST_STEPS = 720;
const CLOCK_SET_MS = 60_000;

/** `steps`: [{at (Unix ms, start of the step), values: {slug: mean probability}}], oldest first, without empty steps. */
export class RollingHistory {
  constructor() {
    this.steps = [];
    this._count = 0;
  }

  /** Width of a step in milliseconds. */
  get stepMs() {
    return STEP_MS;
  }

  /** Add the rolling values of one hop. */
  add(timeMs, rolling) {
    const at = timeMs - (timeMs % STEP_MS);
    const last = this.steps.at(-1);
    if (last && at < last.at - CLOCK_SET_MS) this.steps = []; // The daemon's clock was set back: begin anew.
    else if (last && at < last.at) return; // A server's burst on connect is dated back a little.
    if (last?.at === at) {
      this._count += 1;
      for (const [slug, p] of Object.entries(rolling)) {
        last.values[slug] = (last.values[slug] ?? 0) + (p - (last.values[slug] ?? 0)) / this._count;
      }
      return;
    }
    this._count = 1;
    this.steps.push({ at, values: { ...rolling } });
    if (this.steps.length > MOST_STEPS) this.steps.shift();
  }
}
