import {
  ConfigChangeType,
  EntryType,
  type GroupSettings,
  encodeConfigChange,
  makeEntry,
} from '@drakkar/raftio';
import type { Replica } from '../engine/replica.js';
import { ErrInvalidOption, ErrLevelTooLow, ErrPendingConfigChangeExist } from '../errors/index.js';
import type { RequestState } from '../requests/request-state.js';

/** The feature level from which on settings are in the log. */
const SETTINGS_LEVEL = 1;
/** As in the configuration. */
const MAX_SESSION_COUNT = 1_000_000;
const KNOWN: Readonly<Record<keyof GroupSettings, (value: unknown) => string | undefined>> = {
  orderedConfigChange: (value) => (typeof value === 'boolean' ? undefined : 'true or false'),
  lruMaxSessionCount: (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_SESSION_COUNT
      ? undefined
      : `an integer from 1 to ${MAX_SESSION_COUNT}`,
};

/** Those that are given, checked. */
function checkSettings(settings: Partial<GroupSettings>): Partial<GroupSettings> {
  const given = Object.entries((settings as unknown) ?? {}).filter(([, value]) => value !== undefined);
  if (given.length === 0)
    throw new ErrInvalidOption('settings must have one setting at least that is to change');
  for (const [name, value] of given) {
    if (!Object.hasOwn(KNOWN, name)) {
      const known = Object.keys(KNOWN).join(', ');
      throw new ErrInvalidOption(`settings: ${name} is no setting of a group; known are: ${known}`);
    }
    const expected = KNOWN[name as keyof GroupSettings](value);
    if (expected !== undefined)
      throw new ErrInvalidOption(`settings.${name} must be ${expected}, found ${String(value)}`);
  }
  return Object.fromEntries(given);
}

/** Proposes other settings. @throws ErrInvalidOption, ErrLevelTooLow, ErrPendingConfigChangeExist */
export function requestSettings(
  replica: Replica,
  settings: Partial<GroupSettings>,
  timeoutMs: number,
): RequestState {
  const checked = checkSettings(settings);
  const { configChange, clusterID, nodeID, rsm } = replica;
  if (replica.isForDragonboat) {
    throw new ErrLevelTooLow(
      `group ${clusterID}: its settings can't be changed, since it has compatibility: 'dragonboat-2.1' and Dragonboat ` +
        'knows no settings in the log: they are what the configuration of every member says',
      { details: { clusterID, level: 0, needed: SETTINGS_LEVEL } },
    );
  }
  if (rsm.level < SETTINGS_LEVEL) {
    throw new ErrLevelTooLow(
      `group ${clusterID}: its settings can be changed from feature level ${SETTINGS_LEVEL} on, and it is at ` +
        `${rsm.level} as node ${nodeID} knows: it is raised when all members run this release and agree on their settings`,
      { details: { clusterID, level: rsm.level, needed: SETTINGS_LEVEL } },
    );
  }
  if (configChange.isPending) {
    throw new ErrPendingConfigChangeExist(
      `group ${clusterID}: a change of its members or settings made on this host is under way`,
    );
  }
  const request = configChange.add(replica.nowMs + timeoutMs);
  const cmd = encodeConfigChange({
    configChangeID: 0,
    type: ConfigChangeType.SetSettings,
    nodeID: 0,
    address: '',
    initialize: false,
    settings: checked,
  });
  replica.propose(makeEntry({ type: EntryType.ConfigChangeEntry, key: request.key, cmd }));
  return request;
}
