/**
 * Publisher counts: what became of the messages of a publisher.
 *
 * @module
 */

/** What became of messages since the publisher was made. */
export interface PublisherCounts {
  sent: number;
  confirmed: number;
  /** Refused by the broker. */
  refused: number;
  /** Returned by the broker, since no queue took them. */
  returned: number;
  /** Sent, and given up before the broker has answered. */
  unconfirmed: number;
  /** Of those: confirmed after that. */
  late: number;
}
