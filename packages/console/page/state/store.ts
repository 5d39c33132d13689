/**
 * Store: the state of the page, and who is told when it changed.
 *
 * Invariants
 *  (1) However often it changes, it is drawn once per frame at most.
 *
 * @module
 */

/** Holds one value. */
export interface Store<State> {
  readonly state: State;
  /** Replaces the state by what `next` makes of it. */
  update(next: (state: State) => State): void;
}

/** Makes a store; `schedule` calls what it is given soon, `draw` draws a state. */
export function createStore<State>(
  initial: State,
  schedule: (then: () => void) => void,
  draw: (state: State) => void,
): Store<State> {
  let state = initial;
  let isScheduled = false;
  const drawNow = (): void => {
    isScheduled = false;
    draw(state);
  };
  return {
    get state() {
      return state;
    },
    update(next) {
      state = next(state);
      if (isScheduled) return; // (1)
      isScheduled = true;
      schedule(drawNow);
    },
  };
}
