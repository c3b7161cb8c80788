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
    mapped: [...sameRows(text.slice(0, at)), ...rowsOf(text.slice(0, at)).flatMap(mappedRows)],
    beyond: rowsOf(text.slice(at)).map(({ section, cells }) => {
      const [name = '', remark = ''] = expectCells(cells, 2);
      return { section, go: '', ours: namesIn(name), remark };
    }),
  };
}

/** The rows of a table of names; what has no name of ours may share one. */
function mappedRows({ section, cells }: { section: string; cells: string[] }): Row[] {
  const [go = '', name = '', remark = ''] = expectCells(cells, 3);
  const ours = namesIn(name);
  const goNames = namesIn(go);
  if (goNames.length === 0 || (goNames.length > 1 && ours.length > 0)) {
    throw new Error(`not a name of Go: ${go}`);
  }
  return goNames.map((each) => ({ section, go: each, ours, remark }));
}

/** Names that are as in Go, but that methods and fields begin with a small letter. */
function sameRows(text: string): Row[] {
  let section = '';
  return text.split('\n').flatMap((line): Row[] => {
    if (line.startsWith('#')) section = line.replace(/^#+ /, '');
    const [, list] = /^As in Go: (.*)\.$/.exec(line) ?? [];
    if (list === undefined) return [];
    return namesIn(list).map((go) => {
      const ours = go.replace(/\.(\w)/, (_dot, first: string) => `.${first.toLowerCase()}`);
      return { section, go, ours: [ours], remark: '' };
    });
  });
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
