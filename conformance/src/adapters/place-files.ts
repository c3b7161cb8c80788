import { open, readFile, readdir, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';

async function filesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  const paths = names.map((name) => join(folder, name));
  const kinds = await Promise.all(
    paths.map((path) =>
      stat(path).then(
        (each) => each.isFile(),
        () => false,
      ),
    ),
  );
  return paths.filter((_path, i) => kinds[i] === true);
}

/** Files of the folder, and how many handles of this process lead into it; undefined where that can't be known. */
export async function openFiles(folder: string): Promise<{ handles: number; there: number } | undefined> {
  if (process.platform !== 'linux') return undefined;
  const handles = await readdir('/proc/self/fd');
  const targets = await Promise.all(handles.map((each) => readlink(`/proc/self/fd/${each}`).catch(() => '')));
  const isInside = (target: string): boolean => target.startsWith(`${folder}/`);
  return { handles: targets.filter(isInside).length, there: (await filesIn(folder)).length };
}

/** Changes one byte wherever the files of the folder have `content`; gives how many places that were. */
export async function damageContent(folder: string, content: Uint8Array, at: number): Promise<number> {
  let count = 0;
  for (const path of await filesIn(folder)) {
    const bytes = await readFile(path);
    for (let from = bytes.indexOf(content); from >= 0; from = bytes.indexOf(content, from + 1)) {
      const file = await open(path, 'r+');
      await file.write(Uint8Array.of((bytes[from + at] ?? 0) ^ 0x10), 0, 1, from + at);
      await file.close();
      count += 1;
    }
  }
  return count;
}
