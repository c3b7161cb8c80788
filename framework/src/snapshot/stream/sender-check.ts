/** What a message, or a snapshot that is offered, says of its sender and receiver. */
export interface SenderClaim {
  clusterID: number;
  from: number;
  to: number;
}

/** Whether who sends a snapshot is whom it says; undefined where peers prove nothing. */
export type SenderCheck = ((claim: SenderClaim) => boolean) | undefined;
