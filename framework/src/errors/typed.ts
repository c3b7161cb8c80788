import { DrakkarError, type ErrorContext } from '@drakkar/raftio';

/** A command or query of a typed state machine refused; `details` has its `reason` and `data`. It had no effect. */
export class ErrRefused extends DrakkarError {
  constructor(message = 'the state machine refused the call', context?: ErrorContext) {
    super('ERR_REFUSED', { effect: 'none', retry: 'never' }, message, context);
  }
}

/** The arguments of a command or query are not what its schema says; `details.issues` has what the schema said. */
export class ErrInvalidArguments extends DrakkarError {
  constructor(message = 'the arguments are invalid', context?: ErrorContext) {
    super('ERR_INVALID_ARGUMENTS', { effect: 'none', retry: 'never' }, message, context);
  }
}

/** The answer of a command is larger than what is remembered for its retries. It had no effect. */
export class ErrAnswerTooBig extends DrakkarError {
  constructor(message = 'the answer of the command is too big', context?: ErrorContext) {
    super('ERR_ANSWER_TOO_BIG', { effect: 'none', retry: 'never' }, message, context);
  }
}

/** The key of a command names another one, whose answer the group remembers; this one had no effect. */
export class ErrKeyInUse extends DrakkarError {
  constructor(message = 'the key names another command', context?: ErrorContext) {
    super('ERR_KEY_IN_USE', { effect: 'none', retry: 'never' }, message, context);
  }
}

/** An attempt at a command came so late that the answer to an earlier one may be forgotten, and was not applied. */
export class ErrAnswerForgotten extends DrakkarError {
  constructor(message = 'the answer to the command may be forgotten', context?: ErrorContext) {
    super('ERR_ANSWER_FORGOTTEN', { effect: 'unknown', retry: 'never' }, message, context);
  }
}
