/**
 * Mutants that survive because they are no mistake, by id, with the reason. They are not asked and do not count. A test
 * sees to it that each is still a mutant of the sources: after a change look again, do not adapt the id blindly.
 */
export const EQUIVALENTS = {};
