/*
 * What a host is made of is loaded with the first host, so that an `import` of the package is quick; what is seldom
 * asked for, when it is.
 */

/** Loads once: what is there already is handed out without waiting for anything but the promise. */
function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loading: Promise<T> | undefined;
  return () => (loading ??= load());
}

export const loadAssembly = once(() => import('./assembly.js'));
export const loadExport = once(() => import('./export-snapshot.js'));
export const loadImport = once(() => import('./import-in-place.js'));

/**
 * Loads everything that hosts need, which `NodeHost.create` and methods that are called for the first time do by
 * themselves otherwise: for a process in which nothing may take time later.
 */
export async function preloadHost(): Promise<void> {
  // One after the other: jest can't link modules that are imported at the same time and share some.
  await loadAssembly();
  await loadExport();
  await loadImport();
}
