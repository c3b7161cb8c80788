/** A row of docs/api.md. */
export interface Row {
  /** Headline of the section that it is in. */
  section: string;
  /** Name in Go; empty in the table of what is beyond it. */
  go: string;
  /** Names here; none when there is no counterpart, or none yet. */
  ours: string[];
  remark: string;
}

const BEYOND = '## Beyond v2.1.7';

/** The tables of docs/api.md: from Go's names to ours, and what is beyond them. */
export function readTables(text: string): { mapped: Row[]; beyond: Row[] } {
  const at = text.indexOf(`\n${BEYOND}\n`);
  if (at < 0) throw new Error(`the section "${BEYOND}" is missing`);
  return {
    mapped: rowsOf(text.slice(0, at)).map(({ section, cells }) => {
      const [go = '', name = '', remark = ''] = expectCells(cells, 3);
      const goName = /^`([\w.]+)`$/.exec(go)?.[1];
      if (goName === undefined) throw new Error(`not a name of Go: ${go}`);
      return { section, go: goName, ours: namesIn(name), remark };
    }),
    beyond: rowsOf(text.slice(at)).map(({ section, cells }) => {
      const [name = '', remark = ''] = expectCells(cells, 2);
      return { section, go: '', ours: namesIn(name), remark };
    }),
  };
}

/** The bodies of all tables of a page, each row with the headline that it is under. */
export function rowsOf(text: string): { section: string; cells: string[] }[] {
  const rows: { section: string; cells: string[] }[] = [];
  let section = '';
  let inBody = false;
  for (const line of text.split('\n')) {
    if (line.startsWith('#')) section = line.replace(/^#+ /, '');
    if (!line.startsWith('|')) inBody = false;
    else if (/^\|[\s|:-]+\|$/.test(line)) inBody = true;
    else if (inBody)
      rows.push({
        section,
        cells: line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      });
  }
  return rows;
}

export function expectCells(cells: string[], count: number): string[] {
  if (cells.length !== count) throw new Error(`${count} cells expected: ${cells.join(' | ')}`);
  return cells;
}

/** "—" stands for none; anything else must be names, and nothing but names. */
export function namesIn(cell: string): string[] {
  if (cell === '—') return [];
  return cell.split(', ').map((name) => {
    const [, bare] = /^`([\w.]+)`$/.exec(name) ?? [];
    if (bare === undefined) throw new Error(`not a name: ${name}`);
    return bare;
  });
}
