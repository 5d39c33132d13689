/**
 * Consumer counts: what became of the messages of a consumer since it was made.
 *
 * @module
 */

/** Counts of messages. */
export interface ConsumerCounts {
  /** Delivered by the broker. */
  received: number;
  /** Handled with success. */
  handled: number;
  /** Of those: known to `once`, so that the handler did not run. */
  known: number;
  /** Tries that failed. */
  failed: number;
  /** Tries that a policy of ours refused. */
  refused: number;
  /** Not handled, since their deadline had passed. */
  expired: number;
  /** Handlers that did not end with their context. */
  abandoned: number;
  acked: number;
  requeued: number;
  deadLettered: number;
  /** Not settled, since the channel was closed: the broker delivers them again. */
  void: number;
  /** Times that the broker has cancelled the consumer. */
  cancelled: number;
  /** Kept here at the moment, waiting for another try. */
  held: number;
}

/** Counts of a consumer that has seen nothing. */
export function noCounts(): ConsumerCounts {
  return {
    received: 0,
    handled: 0,
    known: 0,
    failed: 0,
    refused: 0,
    expired: 0,
    abandoned: 0,
    acked: 0,
    requeued: 0,
    deadLettered: 0,
    void: 0,
    cancelled: 0,
    held: 0,
  };
}
