/**
 * Fleet: what stores of your own need to share circuits: the words of the protocol, the pure logic of a node, the ledger in
 * memory and the suite that every store must pass.
 *
 * @module
 */

export { type Ruling, noRuling, standsAbove, stateRanks } from './ruling.ts';
export {
  type Answer,
  type BellProposal,
  type ClaimProposal,
  type LocalCloseProposal,
  type Proposal,
  type ReleaseProposal,
  type ReopenRules,
  type ReportProposal,
  type Result,
  type RoundRules,
  type SeedProposal,
  type TripProposal,
} from './proposal.ts';
export {
  type FlushItem,
  type FlushReply,
  type FlushRequest,
  type FlushResult,
  type HoldReply,
  type HoldRequest,
  type Ledger,
  type LedgerPort,
  type Reply,
  type RulingMessage,
  type Sender,
  type StepReply,
  type StepRequest,
  type SyncReply,
  type SyncRequest,
  MAX_HOLD_MS,
  MAX_LEASE_MS,
  MAX_PROPOSALS,
  MAX_REASON_LENGTH,
  MAX_TOLD,
  TICKET_TTL_MS,
  WIRE_MINOR,
} from './ledger.ts';
export { type MemoryLedger, type MemoryLedgerOptions, memoryLedger } from './memory-ledger.ts';
export { noteText, readNoteText } from './note-text.ts';
export { type OperatorWish, holdRequest } from './hold-request.ts';
export { FleetNode, type FleetNodeParts } from './fleet-node.ts';
export { explain, explainRuling } from './explanation.ts';
export { Lane, type LaneParts } from './lane.ts';
export { type MembershipParts, joinCircuit } from './membership.ts';
export { type NodeSettings, type NodeOptions, type SharingWay, nodeDefaults } from './node-settings.ts';
export {
  type MemoryCircuitStore,
  type MemoryFleet,
  type MemoryFleetOptions,
  type MemoryStoreOptions,
  memoryFleet,
} from './memory-circuit-store.ts';
