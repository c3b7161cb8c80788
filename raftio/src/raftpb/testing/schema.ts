/**
 * The wire schema, written down once more for a protobuf library that serves as the reference in tests. `required`
 * makes the library write a field that is zero, which is what Go does for fields that can't be absent there.
 */
export const WIRE_SCHEMA = `
syntax = "proto2";
package raftpb;

message Bootstrap { map<uint64, string> addresses = 1; required bool join = 2; optional uint64 group_i_d = 110; }
message RaftDataStatus {
  required string address = 1; required uint32 bin_ver = 2; required uint64 hard_hash = 3;
}
message State { required uint64 term = 1; required uint64 vote = 2; required uint64 commit = 3; }
message Entry {
  required uint64 term = 1; required uint64 index = 2; required uint32 type = 3; required uint64 key = 4;
  required uint64 client_i_d = 5; required uint64 series_i_d = 6; required uint64 responded_to = 7;
  optional bytes cmd = 8; optional fixed32 checksum = 101;
}
message Proposed {
  required uint32 type = 3; required uint64 key = 4; required uint64 client_i_d = 5; required uint64 series_i_d = 6;
  required uint64 responded_to = 7; optional bytes cmd = 8;
}
message EntryBatch { repeated Entry entries = 1; }
message Membership {
  required uint64 config_change_i_d = 1; map<uint64, string> addresses = 2; map<uint64, bool> removed = 3;
  map<uint64, string> observers = 4;
}
message SnapshotFile {
  required string filepath = 2; required uint64 file_size = 3; required uint64 file_i_d = 4;
  optional bytes metadata = 5;
}
message Snapshot {
  required string filepath = 2; required uint64 file_size = 3; required uint64 index = 4; required uint64 term = 5;
  required Membership membership = 6; repeated SnapshotFile files = 7;
}
message Message {
  required uint32 type = 1; required uint64 to = 2; required uint64 from = 3; required uint64 cluster_i_d = 4;
  required uint64 term = 5; required uint64 log_term = 6; required uint64 log_index = 7;
  required uint64 commit = 8; required bool reject = 9; required uint64 hint = 10; repeated Entry entries = 11;
  required Snapshot snapshot = 12; required uint64 hint_high = 13;
  optional fixed64 group_i_d = 110; optional fixed64 settings = 111;
}
message ConfigChange {
  required uint64 config_change_i_d = 1; required uint32 type = 2; required uint64 node_i_d = 3;
  required string address = 4; required bool initialize = 5;
}
message SnapshotHeader {
  required uint64 session_size = 1; required uint64 data_store_size = 2; required uint64 unreliable_time = 3;
  required string git_version = 4; optional bytes header_checksum = 5; optional bytes payload_checksum = 6;
  required uint32 checksum_type = 7; required uint64 version = 8;
}
message MessageBatch {
  repeated Message requests = 1; required uint64 deployment_i_d = 2; required string source_address = 3;
  required uint32 bin_ver = 4; optional uint64 features = 100;
}
message SnapshotChunk {
  required uint64 cluster_i_d = 1; required uint64 node_i_d = 2; required uint64 from = 3;
  required uint64 chunk_i_d = 4; required uint64 chunk_size = 5; required uint64 chunk_count = 6;
  optional bytes data = 7; required uint64 index = 8; required uint64 term = 9;
  required Membership membership = 10; required string filepath = 12; required uint64 file_size = 13;
  required uint64 deployment_i_d = 14; required uint64 file_chunk_i_d = 15; required uint64 file_chunk_count = 16;
  required bool has_file_info = 17; required SnapshotFile file_info = 18; required uint32 bin_ver = 19;
  optional uint64 group_i_d = 110; optional uint64 settings = 111;
}
message SessionRecord {
  required uint64 cluster_i_d = 1; required uint64 client_i_d = 2; required uint64 series_i_d = 3;
  required uint64 responded_to = 4;
}
`;
