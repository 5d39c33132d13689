/**
 * Share budget: allows extra work as a share of the ordinary work, so that extras cannot multiply load.
 *
 * Every call earns a share of an extra; every extra spends a whole one. Unspent ones are kept up to a bound, and a new
 * budget starts with that many, so that little traffic gets its extras as well.
 *
 * Invariants
 *  (1) Of any n calls in a row come at most `burstCount + n * ratio` extras, and one for each that was given back meanwhile.
 *  (2) A ratio of 0 allows none.
 *  (3) Memory and time per call are constant.
 *
 * Source: "Throttling Retry Attempts and Hedged RPCs" in gRFC A6, gRPC Retry Design, N. Gulbrandsen, 2017,
 * https://github.com/grpc/proposal/blob/master/A6-client-retries.md.
 * Deviation: every call earns, not only one that succeeds; an extra spends whatever becomes of it, unless it never started. It counts
 * in calls, not in shares, so that ten calls at a tenth are exactly one extra.
 *
 * @module
 */

/** What extra work may be done. */
export class ShareBudget {
  private readonly burstCount: number;
  /** Calls by which one extra is earned. */
  private callsPerExtra = 0;
  private maxCalls = 0;
  private calls = 0;

  /**
   * @param ratio - Extras per call. 0 to Infinity; 0 allows none, Infinity any number.
   * @param burstCount - Extras that may be saved up, and that there are at the start. At least 1.
   */
  constructor(ratio: number, burstCount: number) {
    this.burstCount = burstCount;
    this.setRatio(ratio, burstCount);
  }

  /** Extras saved up, the fraction of one included. */
  get savedCount(): number {
    if (this.callsPerExtra === 0) return this.burstCount;
    return Math.max(0, this.calls / this.callsPerExtra);
  }

  /** Changes the ratio. Extras that were saved up stay. */
  changeRatio(ratio: number): void {
    this.setRatio(ratio, this.savedCount);
  }

  /** Counts a call. */
  earn(): void {
    const calls = this.calls + 1;
    this.calls = calls < this.maxCalls ? calls : this.maxCalls;
  }

  /** Takes one extra if there is one. Returns whether there was. */
  spend(): boolean {
    if (this.calls < this.callsPerExtra) return false;
    this.calls -= this.callsPerExtra; // (1)
    return true;
  }

  /** Takes one extra back that was taken and not made. */
  giveBack(): void {
    this.calls = Math.min(this.calls + this.callsPerExtra, this.maxCalls);
  }

  private setRatio(ratio: number, savedCount: number): void {
    this.callsPerExtra = Math.min(1 / ratio, Number.MAX_SAFE_INTEGER);
    this.maxCalls = this.callsPerExtra * this.burstCount;
    this.calls = ratio === 0 ? Number.NEGATIVE_INFINITY : this.callsPerExtra * savedCount; // (2)
  }
}
